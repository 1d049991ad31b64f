"""What a model owes to its base."""

from pathlib import Path

import pytest

import cards.base_licences
from cards.base_licences import base_repository, base_terms, read_base_licences
from cards.errors import CardError
from oiellm.recipe_file import load_recipe

FILE = Path(cards.base_licences.__file__).with_name("base_licences.toml")


def made_from(base, recipe=None):
    return {"base": base, "recipe": {"model": {"base": recipe or base}}}


@pytest.mark.parametrize(
    "base, licence, prefix",
    [
        ("meta-llama/Llama-2-13b-hf", "llama2", ""),
        ("meta-llama/Meta-Llama-3-8B", "llama3", "Llama-3"),
        ("Meta-Llama-3-8B-Instruct", "llama3", "Llama-3"),  # a folder
        ("meta-llama/Meta-Llama-3.1-8B", "llama3.1", "Llama"),
        ("meta-llama/Llama-3.2-1B", "llama3.2", "Llama"),
        ("meta-llama/Llama-3.3-70B-Instruct", "llama3.3", "Llama"),
        ("Llama-3-1-8B", "llama3.1", "Llama"),  # a folder without dots
        ("Llama-3.1-8B-Instruct", "llama3.1", "Llama"),
        ("llama_3_2", "llama3.2", "Llama"),
        ("someone/Llama-3-ELYZA-JP-8B", "llama3", "Llama-3"),
        ("Llama-3-1.5B-pruned", "llama3", "Llama-3"),  # its size, not its version
        ("Qwen/Qwen2.5-0.5B", "apache-2.0", ""),
        ("mistralai/Mistral-7B-v0.3", "apache-2.0", ""),
        ("allenai/OLMo-2-0425-1B", "apache-2.0", ""),
    ],
)
def test_a_base_is_known_by_its_name(base, licence, prefix):
    terms = base_terms(made_from(base))
    assert (terms.licence, terms.prefix) == (licence, prefix)
    assert bool(terms.built_with) == bool(prefix) and bool(terms.notice) == ("llama" in base.lower())


def test_from_scratch_nothing_is_owed_and_an_unknown_base_stops():
    assert base_terms(made_from(None)) is None
    with pytest.raises(
        CardError, match=r"MINE/mmm.json: base 'my-model': its licence is not known.*base_licences.toml"
    ):
        base_terms(made_from("my-model"), "MINE/mmm.json")
    with pytest.raises(CardError, match="has no base"):
        base_terms({})


@pytest.mark.parametrize(
    "base, named",
    [
        ("mistral-7b-merged-with-llama", "Mistral 7B, llama"),
        ("x/Qwen2.5-7B-distilled-llama", "Qwen, llama"),
        ("Llama-3-8B-and-Llama-2-7b", "Llama 2, Meta Llama 3"),
        ("Llama-3.1-8B-from-Qwen3-8B", "Llama 3.1, Qwen"),
    ],
)
def test_a_name_that_speaks_of_several_families_decides_nothing(base, named):
    with pytest.raises(
        CardError, match=rf"mmm.json: base '{base}': .* several families \({named}\).*base_licences.toml"
    ) as e:
        base_terms(made_from(base))
    assert "\n" not in str(e.value)


@pytest.mark.parametrize(
    "base", ["Nemotron-Llama-20B", "TinyLlama-2-1B", "Llama-4-Scout", "llama-2-fans/Own-7B", "Llama-3.5"]
)
def test_a_name_that_only_looks_like_one_is_not_known(base):
    with pytest.raises(CardError, match="its licence is not known here"):
        base_terms(made_from(base))


def test_the_whole_name_in_the_table_settles_it(tmp_path, monkeypatch):
    path = tmp_path / "own.toml"
    text = FILE.read_text().replace(
        "names = ['(?<![a-z])mistral-7b']", "names = ['mistral-7b', 'mistral-7b-like-qwen3-8b']"
    )
    path.write_text(text)
    table = read_base_licences.__wrapped__(path)
    monkeypatch.setattr("cards.base_licences.read_base_licences", lambda: table)
    assert base_terms(made_from("ORG/Mistral-7B-like-Qwen3-8B")).title == "Mistral 7B"
    with pytest.raises(CardError, match="several families"):
        base_terms(made_from("ORG/Mistral-7B-like-qwen3-8b-2"))


def test_the_repository_of_a_folder_is_the_one_that_the_recipe_names():
    base = "meta-llama/Meta-Llama-3-8B"
    terms = base_terms(made_from(base))
    assert base_repository(made_from(base), terms) == base
    assert base_repository(made_from("Meta-Llama-3-8B", base), terms) == base
    assert base_repository(made_from("Meta-Llama-3-8B", "models/Meta-Llama-3-8B"), terms) == ""


def test_the_bases_of_all_recipes_are_known():
    for name in ("oiellm-8b", "oiellm-8b-instruct", "oiellm-8b-lora", "oiellm-13b"):
        base = load_recipe(name).model.base
        assert base_terms(made_from(base)).holds(base)


def test_a_wrong_table_says_where(tmp_path):
    path = tmp_path / "own.toml"
    for text, said in (
        (
            "[a]\nnames = ['(']\nword = 'a'\norganisation = 'x'\nlicence = 'mit'\ntitle = 'A'\n",
            "missing \\), unterminated",
        ),
        (
            "[a]\nnames = ['a']\nword = 'a'\norganisation = 'x'\nlicence = 'mine'\ntitle = 'A'\n",
            "'mine' is no identifier",
        ),
        ("[a]\nnames = ['a']\n", "word.*organisation"),
        ("[a\n", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(CardError, match=said) as caught:
            read_base_licences.__wrapped__(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
