"""What a model owes to its base."""

import pytest

from cards.base_licences import base_repository, base_terms, read_base_licences
from cards.errors import CardError
from oiellm.recipe_file import load_recipe


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
        ("Qwen/Qwen2.5-0.5B", "apache-2.0", ""),
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
        ("[a]\nnames = ['(']\norganisation = 'x'\nlicence = 'mit'\ntitle = 'A'\n", "missing"),
        ("[a]\nnames = ['a']\norganisation = 'x'\nlicence = 'mine'\ntitle = 'A'\n", "'mine' is no identifier"),
        ("[a]\nnames = ['a']\n", "organisation"),
        ("[a\n", "cannot be read"),
    ):
        path.write_text(text)
        with pytest.raises(CardError, match=said) as caught:
            read_base_licences.__wrapped__(path)
        assert "\n" not in str(caught.value) and str(path) in str(caught.value)
