"""A study is laid out, and what is wrong with it is said, before anything is trained."""

from __future__ import annotations

from pathlib import Path

import pytest

from oiellm.errors import OiellmError
from oiellm.study.command import read_study
from oiellm.study.cost import cost, describe, hardware, left
from oiellm.study.plan import plan
from oiellm.study.spec import Study
from tests.oiellm.study.planted import study as planted

STUDIES = sorted((Path(__file__).parents[3] / "studies").glob("*.yaml"))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return planted(tmp_path_factory.mktemp("planted"), "free", 0, train=24, test=12)


def read(path: Path, *overrides: str) -> Study:
    return read_study(path, overrides)


def test_arms_that_train_the_same_share_one_training(path: Path):
    shared = "arms.twin={set: {data.view: {output: text, context: gold}}, tests: {plain: {context: none}}}"
    laid = plan(read(path, shared))
    assert len(laid.cells) == 4 * 3
    cell = laid.by_arm["twin", "en_planted", 0]
    assert cell is laid.by_arm["text_gold", "en_planted", 0] and cell.arms == ["text_gold", "twin"]
    assert list(cell.tests) == ["own", "plain"]
    assert (cell.view("own").context, cell.view("plain").context) == ("gold", "none")


def test_seeds_come_one_after_the_other(path: Path):
    assert [cell.recipe.train.seed for cell in plan(read(path)).cells] == [0] * 4 + [1] * 4 + [2] * 4


def test_one_model_for_all_configs_is_trained_once(path: Path, tmp_path: Path):
    laid = plan(read(path, "arms.all={set: {data.configs: all}}"))
    assert {laid.by_arm["all", config, 0].name for config in laid.study.configs} == {"all-all-seed0"}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("configs=[en_planted, en_scnm]", "no config 'en_scnm'; it has: en_planted"),
        ("arms.joint={set: {data.configs: [en_scmn]}}", "arm joint: .*no config 'en_scmn'; did you mean en_scnm"),
        ("arms.joint={set: {train.epoch: 3}}", "arm joint: .*train.epoch"),
        ("arms.joint={set: {train.seed: 3}}", "train.seed is the same for all arms"),
        ("comparisons.text.of=text_glod", "no arm 'text_glod'"),
        ("comparisons.text.of=text_gold/plain", "arm text_gold has no test 'plain'; there are: own"),
        ("comparisons.text.of=text_neutral", "with itself"),
        ("comparisons.text.figure=wl", "text_gold writes the text level alone, so it has no WL"),
        ("verdicts.reinforcement.comparisons=[txet]", "no comparison 'txet'"),
        ("arms.joint={tests: {own: {context: gold}}}", "the arm writes both"),
        ("arms.text_gold.tests={own: {forced: gold}}", "forcing the label"),
        ("inside=[text_gold]", "name one that writes both"),
        ("seeds=[0, 0]", "each be named once"),
        ("arms.joint={set: {train: {epochs: 3}}}", "write dotted keys, such as train.epochs"),
        ("arms.joint={set: {evaluate.max_new_tokens: 40}}", "evaluate.max_new_tokens is the same for all arms"),
        ("arms.joint={set: {data.registry: [xsid]}}", "data.registry is the same for all arms"),
        ("arms.joint={steps_of: joint}", "steps_of names no other arm"),
    ],
)
def test_mistakes_are_found_before_any_training(path: Path, override: str, message: str):
    with pytest.raises(OiellmError, match=message):
        plan(read(path, override))


def test_an_arm_can_take_the_steps_of_another(path: Path):
    laid = plan(
        read(path, "arms.few={set: {data.rows: 8}}", "arms.longer={set: {data.rows: 8}, steps_of: all}", "arms.all={}")
    )
    recipes = {arm: laid.by_arm[arm, "en_planted", 0].recipe.train for arm in ("few", "longer", "all")}
    assert recipes["few"].steps is None and recipes["longer"].steps == 2 * recipes["all"].epochs  # 24 rows, 16 a step
    packed = (
        "set={train.packing: true, train.pack_tokens: 768}",
        "arms={a: {}, b: {steps_of: a}}",
        "comparisons={}",
        "verdicts={}",
    )
    with pytest.raises(OiellmError, match="only with train.packing: false"):
        plan(read(path, *packed))


def test_a_limit_above_the_rows_there_are_is_the_same_training(path: Path):
    laid = plan(read(path, "arms.some={set: {data.rows: 24}}", "arms.every={}"))
    assert laid.by_arm["some", "en_planted", 0] is laid.by_arm["every", "en_planted", 0]


def test_configs_of_one_training(demo_release: Path):
    study = read_study(STUDIES[0].parent / "languages.yaml").model_copy(
        update={"release": str(demo_release), "configs": ("ja_scnm", "en_tcree"), "seeds": (0, 1)}
    )
    laid = plan(study)
    assert laid.by_arm["three", "ja_scnm", 0].recipe.data.configs == ("ja_scnm", "en_scnm", "zh_scnm")
    tasks = study.model_copy(
        update={"arms": read_study(STUDIES[0].parent / "tasks.yaml").arms, "comparisons": {}, "verdicts": {}}
    )
    trained = plan(tasks).by_arm["every", "ja_scnm", 0].recipe.data.configs
    assert len(trained) == 7 and all(name.startswith("ja_") for name in trained)


def test_arms_that_differ_in_rows_must_say_so(path: Path):
    fewer = "arms.text_gold.set={data.view: {output: text, context: gold}, data.rows: 20}"
    with pytest.raises(
        OiellmError,
        match=r"comparison text: on en_planted text_gold trains on 20 rows and text_neutral on 24.*differs: \[rows\]",
    ):
        plan(read(path, fewer))
    assert plan(read(path, fewer, "comparisons.text.differs=[rows]"))


def test_an_arm_with_a_release_of_its_own_must_not_train_on_what_is_tested(path: Path, tmp_path: Path):
    from dataclasses import replace

    from build.export import build_release
    from mmm_dataset import load, to_dict
    from mmm_dataset.files import dump
    from oiellm.data import open_release

    study = read(path)
    registry = load(*study.registry)
    rows = list(open_release(study.release, registry).records("en_planted", "test"))
    build_release(
        [replace(row, id=f"en_planted-x{at}", split="train") for at, row in enumerate(rows)], tmp_path / "x", registry
    )
    arm = f"arms.other={{set: {{data.release: {tmp_path / 'x'}}}}}"
    own = tmp_path / "own.jsonl"
    own.write_text(dump(to_dict(next(open_release(study.release, registry).records("en_planted", "train")))))
    harmless = f"arms.zother={{set: {{data.release: {tmp_path / 'x'}, data.configs: [], data.records: [{own}]}}}}"
    for arms in ((arm,), (arm, harmless)):
        with pytest.raises(OiellmError, match="arm other: row 'en_planted-x0' .* has the text of test row"):
            plan(read(path, *arms))


def test_too_short_a_limit_of_outputs_is_found_before_any_training(path: Path):
    text = path.read_text(encoding="utf-8").replace("max_new_tokens: 64", "max_new_tokens: 4")
    other = path.with_name("short.yaml")
    other.write_text(text, encoding="utf-8")
    with pytest.raises(OiellmError, match="max_new_tokens 4 is too small"):
        plan(read(other))


def test_the_plan_says_what_it_takes(path: Path):
    laid = plan(read(path))
    costs, machine = [cost(cell, laid) for cell in laid.cells], hardware("cpu-core", 2)
    text = describe(laid, costs, machine)
    assert "12 trainings" in text and "corrected after Holm for 2 comparisons" in text and "GiB, fits in 24 GB" in text
    assert costs[0].rows == 24 and costs[0].train == pytest.approx(6 * costs[0].tokens * 8 * parameters(laid), rel=0.01)
    measured = left(laid, costs, machine, [2 * one.seconds(machine) for one in costs[:6]] + [None] * 6)
    assert measured.endswith("measured)")
    with pytest.raises(OiellmError, match="no hardware 'h1000'; there are: cpu-core"):
        hardware("h1000", 1)
    wrong = path.with_name("wrong.toml")
    wrong.write_text("[mine]\nflops = 1e9\n", encoding="utf-8")
    with pytest.raises(OiellmError, match=r"wrong.toml: \[mine\] share: field required"):
        hardware("mine", 1, wrong)


def parameters(laid: object) -> int:
    from oiellm.sizes import parameters as count

    return count(laid.cells[0].recipe)  # type: ignore[attr-defined]


def test_the_price_of_a_study(tmp_path: Path, path: Path):
    own = tmp_path / "own.toml"
    own.write_text("[mine]\nflops = 1e9\nshare = 0.5\ngeneration = 0.1\nstart = 2.0\nweights = 1e6\nprice = 3600.0\n")
    machine = hardware("mine", 1, own)
    laid = plan(read(path))
    costs = [cost(cell, laid) for cell in laid.cells]
    dollars = sum(one.train / 5e8 + one.tests / 5e7 + 2.0 + one.moved / 1e6 for one in costs)
    assert costs[0].moved == 3 * 4 * parameters(laid)  # fp32, from scratch: written, hashed, read
    assert f"${dollars:,.0f}" in describe(laid, costs, machine)


@pytest.mark.parametrize("file", [file for file in STUDIES if file.stem != "nano"], ids=lambda file: file.stem)
def test_the_studies_that_ship_can_be_read(file: Path):
    study = read_study(file)
    assert study.recipe == str(file.parent / "nano.yaml") and study.verdicts and study.criterion.correction == "holm"


def test_the_real_experiment_is_one_changed_line(path: Path):
    text = (STUDIES[0].parent / "mre.yaml").read_text(encoding="utf-8")
    mre = read_study(STUDIES[0].parent / "mre.yaml")
    assert text.count("\nrecipe: nano.yaml") == 1
    release = read_study(path).release
    registry = read_study(path).registry
    own = mre.model_copy(
        update={"recipe": "oiellm-8b", "release": release, "registry": registry, "configs": ("en_planted",)}
    )
    laid = plan(own)
    text = describe(laid, [cost(cell, laid) for cell in laid.cells], hardware("h100", 8))
    assert laid.cells[0].recipe.model.base and "GiB" in text and "on 8" in text
    assert "disk: 120 GiB for the weights of the trainings under way" in text  # 8 of 8 billion parameters in bf16
