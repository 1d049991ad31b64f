"""Terms and origins: what may go out, and under which name."""

import json

import pytest

from build.core import KitError
from build.export import build_release
from build.reading import import_published
from build.release.gates import demo_name, left_out, refuse_title
from build.release.subset import without
from mmm_dataset import Item, Record, load
from tests.published_folder import make_published_folder

REGISTRY = load()


def facts(*sources, origins=("rebuilt",)):
    return {"sources": list(sources), "origins": list(origins)}


def test_terms_that_forbid_it_leave_a_config_out():
    manifest = {
        "configs": {
            "ja_tcree": facts("livedoor"),
            "ja_scnm": facts("stockmark-ner"),
            "ja_scpos_n": facts("mmm", origins=["published"]),
        }
    }
    out = left_out(manifest, REGISTRY, [])
    assert list(out) == ["ja_tcree", "ja_scpos_n"]
    assert "livedoor news corpus (ldcc-20140209): no-derivatives" in out["ja_tcree"]
    assert "withdrawn" in out["ja_scpos_n"]  # the authors' rows are made of reviews that were taken back
    assert left_out(manifest, REGISTRY, ["livedoor", "marc-ja", "tcree"]) == {}
    assert list(left_out(manifest, REGISTRY, ["livedoor", "tcree"])) == ["ja_scpos_n"]


def test_rows_of_others_in_a_config_of_mmm_do_not_have_its_terms():
    assert left_out({"configs": {"ja_scpos_n": facts("jrte-pn", origins=["own"])}}, REGISTRY, []) == {}
    assert left_out({"configs": {"ja_tcree": facts("demo", origins=["demo"])}}, REGISTRY, []) == {}


def test_sources_that_the_registry_lacks_are_held_to_their_license():
    def manifest(source, license):
        return {"configs": {"ja_scnm": {**facts(source, origins=["own"]), "licences": [license]}}}

    assert left_out(manifest("wnut17", "CC-BY-4.0"), REGISTRY, []) == {}
    assert left_out(manifest("own", "our own terms"), REGISTRY, []) == {}
    for license in ("CC-BY-ND-4.0", "LDC agreement"):
        with pytest.raises(KitError, match="--accept-licence corpus"):
            left_out(manifest("corpus", license), REGISTRY, [])
        assert left_out(manifest("corpus", license), REGISTRY, ["corpus"]) == {}


def test_nothing_left_is_an_error_that_says_what_to_type():
    with pytest.raises(KitError, match="nothing may be released .*--accept-licence livedoor"):
        left_out({"configs": {"ja_tcree": facts("livedoor", origins=["own"])}}, REGISTRY, [])
    with pytest.raises(KitError, match="--accept-licence livdoor: no such source"):
        left_out({"configs": {}}, REGISTRY, ["livdoor"])


@pytest.mark.parametrize(
    "name, origins, demo, wanted",
    [
        ("mmm", ["published"], False, "mmm"),
        ("mmm", ["rebuilt", "published"], False, "mmm"),
        ("mmm", ["demo"], True, "mmm-demo"),
        ("mmm-demo", ["demo"], True, "mmm-demo"),
        ("mmm", ["published", "demo"], True, "mmm-demo"),
        ("village-news", ["own"], False, "village-news"),
        ("mmm", ["own"], True, "mmm-demo"),
        ("oiellm-nano", ["demo"], True, "oiellm-nano-demo"),
        ("mmm", ["published"], True, "mmm"),
    ],
)
def test_names(name, origins, demo, wanted):
    assert demo_name(name, origins, demo=demo, what="x") == wanted


@pytest.mark.parametrize(
    "name, origins",
    [
        ("mmm", ["demo"]),
        ("mmm-demo", ["demo"]),
        ("mine", ["demo", "own"]),
        ("mmm", ["own"]),
        ("OIELLM-2B", ["own"]),
        ("my_mmm_v2", ["own"]),
        ("MMMvillage", ["own"]),
    ],
)
def test_names_that_would_pass_others_rows_off_as_mmm(name, origins):
    with pytest.raises(KitError, match="release/x: made of .*--demo"):
        demo_name(name, origins, demo=False, what="release/x")


def test_titles_that_would_pass_others_rows_off_as_mmm():
    mmm = "MMM: Multilingual Mutual Reinforcement Effect Mix datasets"
    refuse_title(mmm, ["published"], "x")
    refuse_title("News of our village", ["own"], "x")
    refuse_title("A demonstration of MMM", ["demo"], "x")
    for origins in (["demo"], ["published", "own"]):
        with pytest.raises(KitError, match="a title with MMM in it must say that it is a demonstration"):
            refuse_title(mmm, origins, "x")


def test_what_remains_is_a_release_with_its_own_leakage(tmp_path):
    def record(config, number, text, split):
        language, task = config.split("_", 1)
        word = "NER" if task == "scnm" else "Sentiment N"
        label, item = (
            ("社会", Item.pair("人名", text[:1], 0, 1))
            if task == "scnm"
            else ("ポジティブ", Item.pair("ポジティブ", text[:1], 0, 1))
        )
        return Record(
            f"{config}-{number}",
            language,
            task,
            word,
            text,
            label,
            (item,),
            "rebuilt",
            "mmm",
            str(number),
            "x",
            split=split,
        )

    rows = [record("ja_scnm", n, f"{n}の人が本を読む。", "train" if n else "test") for n in range(4)]
    rows += [record("ja_scpos_n", 9, "0の人が本を読む。", "train")]  # a twin of the other config's test row
    tree = tmp_path / "mmm"
    whole = build_release(rows, tree, REGISTRY, steps={"read": {"kept": {}, "dropped": {"x": 2}, "noted": {}, "in": 2}})
    assert whole["leakage"]["exact"]["test_rows"] == 1
    without(tree, {"ja_scpos_n"}, tmp_path / "out", REGISTRY)
    left = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert list(left["configs"]) == ["ja_scnm"] and left["leakage"]["exact"]["test_rows"] == 0
    assert left["options"] == whole["options"] and left["steps"] == whole["steps"]
    assert left["configs"]["ja_scnm"]["files"] == whole["configs"]["ja_scnm"]["files"]


def test_the_authors_rows_keep_their_bytes(tmp_path):
    make_published_folder(tmp_path / "files")
    import_published(tmp_path / "files", tmp_path / "mmm", REGISTRY)
    whole = json.loads((tmp_path / "mmm" / "manifest.json").read_text())
    out = left_out(whole, REGISTRY, [])
    assert {name.split("_", 1)[1] for name in out} == {"scpos_rw", "scpos_adj_n", "scpos_adj", "scpos_n", "tcree"}
    without(tmp_path / "mmm", out, tmp_path / "out", REGISTRY)
    left = json.loads((tmp_path / "out" / "manifest.json").read_text())
    for name, config in left["configs"].items():
        assert config["files"] == whole["configs"][name]["files"]
    assert len(left["configs"]) == len(whole["configs"]) - len(out)
