"""The card of a model: every figure is a recorded one, its code runs as it stands, and what is missing stops it by name."""

import contextlib
import io
import json
import re
from dataclasses import replace

import pyarrow.parquet as pq
import pytest
import yaml
from huggingface_hub import ModelCardData
from huggingface_hub._eval_results import parse_eval_result_entries

from build.release.card import merge_card
from build.release.predictions import without_texts
from cards.base_licences import base_terms
from cards.errors import CardError
from cards.model_card import render_model_card
from cards.model_results import eval_result_files
from cards.model_training import duration
from cards.publisher import Publisher
from mmm_dataset.evaluation import table_1
from mmm_dataset.files import pretty
from tests.cards.models import CONFIGS, copies, staged
from tests.cards.rendered import broken, front_and_body

HUB = Publisher(repository="ORG/oiellm-tiny-demo", version="1.2.0", authors=("A. Person",))
DATA = "ORG/mmm-demo@v1.0.0"


def render(model, publisher=HUB, dataset=DATA):
    made, results = model
    said = json.loads((made / "mmm.json").read_text())
    return render_model_card(made, results, publisher, dataset, base=base_terms(said))


def change(path, *keys, value=None):
    """Set an entry of a JSON file, or take it away."""
    content = entry = json.loads(path.read_text())
    for key in keys[:-1]:
        entry = entry[key]
    if value is None:
        del entry[keys[-1]]
    else:
        entry[keys[-1]] = value
    path.write_text(pretty(content))


@pytest.fixture(scope="module")
def card(model):
    return render(model)


def test_it_says_how_it_was_made(model, card):
    said = json.loads((model[0] / "mmm.json").read_text())
    log = [json.loads(line) for line in (model[0] / "train_log.jsonl").read_text().splitlines()]
    losses, spent = [entry for entry in log if "loss" in entry], log[-1]
    for figure in (
        f"| seed | {said['seed']} |",
        f"`{said['dtype']}`",
        f"`{said['manifest_sha256']}`",
        f"{spent['tokens']:,} read; an epoch has {said['counts']['tokens']:,}",
        f"{spent['step']:,}, which are {spent['epoch']:.2f} epochs",
        f"{losses[0]['loss']:.4f} at step 1, {losses[-1]['loss']:.4f} at step {losses[-1]['step']}",
        f"| duration | {duration(spent['seconds'])}, ",
        f"{said['conditions']['processes']} process with {said['conditions']['threads']} CPU thread",
        f"torch {said['conditions']['torch']}",
        "`ORG/mmm-demo@v1.0.0`",
        "Published by A. Person. Not affiliated with the authors of MMM.",
    ):
        assert figure in card
    assert said["conditions"]["device"].replace("_", "\\_") in card
    from safetensors import safe_open

    with safe_open(model[0] / "model.safetensors", "np") as file:
        size = sum(file.get_tensor(key).size for key in file.keys())  # noqa: SIM118
    assert f"| size | {size:,} parameters |" in card
    recipe = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    assert recipe == {**said["recipe"], "data": {**said["recipe"]["data"], "release": "mmm"}}, (
        "of places only the names"
    )


def test_its_scores_are_the_recorded_ones_with_intervals_beside_the_papers(model, card):
    results = json.loads((model[1] / "results.json").read_text())
    lines = card.splitlines()
    for run in results["runs"].values():
        for config, entry in run["configs"].items():
            low, high = entry["wl_ci95"]
            cell = f"| {100 * entry['wl']:.2f} [{100 * low:.1f}, {100 * high:.1f}] |"
            failed = f"| {100 * entry['parse_failure_rate']:.1f} % |"
            assert any(line.startswith(f"| `{config}` |") and cell in line and failed in line for line in lines)
    for row in table_1():
        if row.config in CONFIGS:
            cell = (
                f"{row.tl}\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}{row.wl}\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}{row.all}"
            )
            assert any(line.startswith(f"| `{row.config}` |") and cell in line for line in lines)
    assert "must not be compared with the paper's" in card
    failures = results["runs"]["oiellm-tiny free"]["overall"]["parse_failures"]
    assert f"({sum(failures.values())} of 32) could not be read" in card


def test_its_code_runs_as_it_stands_and_prints_what_it_says(model, monkeypatch):
    card = render(model, Publisher())
    monkeypatch.chdir(model[0].parent)
    alone, kit = re.findall(r"^```python\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(alone, {})
    assert printed.getvalue().removesuffix("\n") == re.search(r"```text\n(.*?)\n```$", card, re.M | re.S)[1]
    found = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(kit, found)
    assert found["found"].failure is None and found["found"].label


def test_without_results_it_says_so_and_its_code_still_runs(model, monkeypatch):
    card = render((model[0], None), Publisher())
    assert "This model was not evaluated." in card and "It prints" not in card
    monkeypatch.chdir(model[0].parent)
    with contextlib.redirect_stdout(io.StringIO()):
        exec(re.findall(r"^```python\n(.*?)^```$", card, re.MULTILINE | re.DOTALL)[0], {})


def test_the_model_loads_from_its_repository_and_all_links_of_the_card_lead_somewhere(model, card, tmp_path):
    folder = staged(model, tmp_path / "repository")
    (folder / "README.md").write_text(card)
    assert broken(card, folder) == []
    from oiellm.predict.checkpoint import digest
    from oiellm.predict.extract import load

    assert load(folder).extract("Kazan filmed in New York.", task="scnm", language="en").failure is None
    settings = json.loads((folder / "evaluation" / "free" / "run.json").read_text())["settings"]
    assert digest(folder) == settings["model_digest"], "the predictions are those of this model, also for a program"


def test_what_goes_along_says_no_place_on_this_disk(model, card):
    for path in (*model[1].rglob("*.json"), *model[1].rglob("*.yaml"), *model[1].glob("*.md")):
        assert str(model[0].parent) not in path.read_text()
    for path in model[1].rglob("*.parquet"):
        assert set(pq.read_table(path, columns=["model"])["model"].to_pylist()) == {"oiellm-tiny"}
    assert str(model[0].parent) not in card


def test_the_yaml_is_what_the_hub_knows(model, card):
    front = yaml.safe_load(front_and_body(card)[0])
    assert front == ModelCardData(**front).to_dict()
    assert front["language"] == ["en", "ja", "zh"] and front["datasets"] == ["ORG/mmm-demo"]
    assert front["license"] == "cc-by-4.0" and "base_model" not in front and "demo" in front["tags"]
    assert "datasets" not in yaml.safe_load(front_and_body(render(model, Publisher(), "mmm-demo@v1.0.0"))[0])


def test_a_demonstration_says_so_at_the_top(model, card, tmp_path):
    assert card.split("\n# oiellm-tiny-demo\n\n")[1].startswith("**A demonstration, not OIELLM.**")
    made, results = copies(model, tmp_path)
    change(made / "mmm.json", "data", "origins", value=["published"])
    assert "A demonstration" not in render((made, results)) and "the authors' released rows" in render((made, results))


def test_a_demonstration_says_how_many_rows_it_learned_from(model, card, tmp_path):
    rows = json.loads((model[0] / "mmm.json").read_text())["counts"]["rows"]
    assert f"- It learned from {rows:,} rows; those of the demonstration are clean and short" in card
    made, results = copies(model, tmp_path)
    change(made / "mmm.json", "counts", "rows", value=12_345)
    assert "It learned from 12,345 rows" in render((made, results))


def test_configs_without_texts_are_named_and_not_shown(model, card, tmp_path):
    assert "without texts" not in card
    shown = json.loads(re.search(r"^prompt = (.*)$", card, re.M)[1])
    rows = pq.read_table(model[1] / "free" / "predictions.parquet").to_pylist()
    config = next(row["config"] for row in rows if row["input"] == shown)
    barred = {config: "a corpus: no-derivatives"}
    other = render(model, replace(HUB, left_out=barred))
    assert "#### Predictions without texts\n\nIn the rows of these configs" in other
    assert f"\n- `{config}`: a corpus: no-derivatives\n" in other
    assert other.index("evaluation/free/predictions.parquet`]") < other.index("#### Pred") < other.index("## Training")
    assert shown not in other.replace(json.dumps(shown), shown), "not even where the rows still have their texts"
    made, results = copies(model, tmp_path)
    without_texts(results, barred)
    assert render((made, results), replace(HUB, left_out=barred)) == other
    assert (
        config not in re.search(r"## Use it.*?## Results", render((made, results)), re.S)[0].split("These prompts")[0]
    )


def test_without_any_text_the_prompt_is_the_kits_and_nothing_is_shown_as_recorded(model, tmp_path):
    made, results = copies(model, tmp_path)
    without_texts(results, CONFIGS)
    card = render((made, results), replace(HUB, left_out=dict.fromkeys(CONFIGS, "withdrawn")))
    assert "It prints" not in card and "Kazan filmed in New York in 1953" in card


def test_the_piece_stages_predictions_without_texts_and_leaves_the_users_alone(model, tmp_path):
    from build.release.pieces import ModelPiece
    from build.release.target import Repository

    made, results = copies(model, tmp_path)
    own = (results / "free" / "predictions.parquet").read_bytes()
    digest = json.loads((made / "mmm.json").read_text())["manifest_sha256"]
    piece = ModelPiece(
        repository=Repository("model", "tiny-demo"),
        model=made,
        results=results,
        dataset=DATA,
        manifest=digest,
        base=None,
        left_out={"ja_tcree": "withdrawn"},
    )
    folder = tmp_path / "staged"
    folder.mkdir()
    piece.prepare(folder)
    piece.render(folder, HUB)
    for row in pq.read_table(folder / "evaluation" / "free" / "predictions.parquet").to_pylist():
        assert (row["text"] is None) == (row["raw"] is None) == (row["config"] == "ja_tcree")
    assert (results / "free" / "predictions.parquet").read_bytes() == own
    card = (folder / "README.md").read_text()
    assert "\n- `ja_tcree`: withdrawn\n" in card and broken(card, folder) == []


def test_the_same_folders_give_the_same_card_and_peoples_words_stay(model, card):
    assert render(model) == card
    theirs = card.replace("begin -->\n", "begin -->\nMy own words.\n")
    assert "My own words." in merge_card(card, card, theirs, "README.md")


@pytest.mark.parametrize(
    "file, keys, said",
    [
        ("mmm.json", ("data", "origins"), "data.origins"),
        ("mmm.json", ("dtype",), "dtype"),
        ("mmm.json", ("manifest_sha256",), "manifest_sha256"),
        ("mmm.json", ("conditions", "device"), "conditions.device"),
        ("mmm.json", ("recipe", "train"), "recipe.train"),
        ("mmm.json", ("base",), "base"),
        ("config.json", ("max_position_embeddings",), "max_position_embeddings"),
    ],
)
def test_what_training_did_not_record_is_named(model, tmp_path, file, keys, said):
    made, results = copies(model, tmp_path)
    change(made / file, *keys)
    with pytest.raises(CardError, match=f"{file}: has no {said}, and the card needs it") as caught:
        render((made, results))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "key, said",
    [
        ("wl", "has no wl"),
        ("all_ci95", "has no all_ci95"),
        ("parse_failure_rate", "has no parse_failure_rate"),
    ],
)
def test_a_figure_that_is_missing_is_named(model, tmp_path, key, said):
    made, results = copies(model, tmp_path)
    change(results / "results.json", "runs", "oiellm-tiny free", "configs", "ja_tcree", key)
    with pytest.raises(CardError, match=rf"results.json.*ja_tcree: {said}"):
        render((made, results))


def test_what_the_log_must_have(model, tmp_path):
    made, results = copies(model, tmp_path)
    lines = (made / "train_log.jsonl").read_text().splitlines()
    (made / "train_log.jsonl").write_text("\n".join(lines[:-1]))
    with pytest.raises(CardError, match=r"train_log.jsonl: the last line: has no tokens"):
        render((made, results))
    (made / "train_log.jsonl").write_text(lines[-1])
    with pytest.raises(CardError, match=r"train_log.jsonl: has no loss"):
        render((made, results))


def test_no_number_without_its_predictions(model, tmp_path):
    made, results = copies(model, tmp_path)
    change(results / "free" / "run.json", "settings", "batch_size", value=7)
    with pytest.raises(CardError, match="free: holds other predictions than those"):
        render((made, results))
    (results / "free" / "predictions.parquet").unlink()
    with pytest.raises(
        CardError, match=r"free/predictions.parquet: not there, although .* has scores of 'oiellm-tiny free'"
    ):
        render((made, results))


def test_a_score_that_is_no_number_is_not_published(model, tmp_path):
    made, results = copies(model, tmp_path)
    change(results / "results.json", "runs", "oiellm-tiny free", "configs", "en_scnm", "tl", value=float("nan"))
    with pytest.raises(CardError, match=r"en_scnm.*tl is nan"):
        render((made, results))


def test_every_config_has_its_result_for_the_hub(model):
    found = eval_result_files(model[1], DATA)
    results = json.loads((model[1] / "results.json").read_text())
    assert list(found) == [".eval_results/oiellm-tiny-constrained.yaml", ".eval_results/oiellm-tiny-free.yaml"]
    for (_, text), name in zip(found.items(), ("oiellm-tiny constrained", "oiellm-tiny free")):
        entries = parse_eval_result_entries(yaml.safe_load(text))
        assert [entry.task_id for entry in entries] == list(CONFIGS)
        assert {entry.dataset_id for entry in entries} == {"ORG/mmm-demo"}
        wanted = [round(100 * entry["all"], 2) for entry in results["runs"][name]["configs"].values()]
        assert [entry.value for entry in entries] == wanted
    assert "local/mmm" in next(iter(eval_result_files(model[1], "mmm-demo@v1.0.0").values())), "there is no account"


def test_a_result_for_the_hub_that_is_missing_or_no_number_stops(model, tmp_path):
    _, results = copies(model, tmp_path)
    path = results / ".eval_results" / "oiellm-tiny-free.yaml"
    entries = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump([{**entries[0], "value": None}, *entries[1:]]))
    with pytest.raises(CardError, match=r"oiellm-tiny-free.yaml: en_scnm: value None is no result"):
        eval_result_files(results, DATA)
    for name in ("free", "constrained"):
        (results / ".eval_results" / f"oiellm-tiny-{name}.yaml").write_text(yaml.safe_dump(entries[1:]))
    with pytest.raises(CardError, match="no file has every config of"):
        eval_result_files(results, DATA)


def on_llama(model, folder):
    made, results = copies(model, folder)
    change(made / "mmm.json", "base", value="meta-llama/Meta-Llama-3-8B")
    change(made / "mmm.json", "base_digest", value="0" * 64)
    change(made / "mmm.json", "recipe", "model", "base", value="meta-llama/Meta-Llama-3-8B")
    return made, results


def test_what_is_owed_to_the_base_is_said(model, tmp_path):
    made, results = on_llama(model, tmp_path)
    with pytest.raises(CardError, match="no LICENSE file with a text; the licence of Meta Llama 3 asks for a copy"):
        render((made, results))
    (made / "LICENCE.txt").write_text(" \n")
    with pytest.raises(CardError, match="no LICENSE file with a text"):
        render((made, results))
    (made / "LICENSE").write_text("the text of the licence")
    card = render((made, results))
    front = yaml.safe_load(front_and_body(card)[0])
    assert (front["license"], front["base_model"]) == ("llama3", "meta-llama/Meta-Llama-3-8B")
    assert card.index("**Built with Meta Llama 3**") < card.index("## Use it")
    assert "([LICENSE](LICENSE))" in card and "LICENCE.txt" not in card
    assert "Meta Llama 3 is licensed under the Meta Llama 3 Community License" in card and "`Llama-3`" in card
    assert "may not be used to improve another large language model" in card
    assert broken(card, staged((made, results), tmp_path / "repository")) == []
    with pytest.raises(CardError, match="the terms given are not those of it"):
        render_model_card(made, results, HUB, DATA, base=None)


def test_durations():
    assert [duration(s) for s in (0.26, 18.4, 260, 3600, 111_900)] == [
        "0.3 s",
        "18 s",
        "4 min 20 s",
        "1 h",
        "31 h 5 min",
    ]
