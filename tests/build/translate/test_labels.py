"""Labels by table, or kept: what a closed set lacks is said with a remedy that helps."""

import pytest

from build.core import KitError
from build.translate.labels import LabelTable
from mmm_dataset import load


def said(tmp_path, task, source, target, labels, *, keep):
    with pytest.raises(KitError) as error:
        LabelTable(load(), task, source, target, keep=keep).check(labels, tmp_path / "todo.csv")
    return str(error.value)


def test_a_closed_set_that_lacks_a_kept_label(tmp_path):
    text = said(tmp_path, "scnm", "ja", "en", {("NER", "人名"): 3, (None, "社会"): 1}, keep=True)
    assert "no en label for '人名' (3 x), '社会' (1 x)" in text and "leave out --labels keep" in text
    assert not (tmp_path / "todo.csv").exists()


def test_keeping_labels_is_a_remedy_for_open_sets_alone(tmp_path):
    assert "--labels keep" not in said(tmp_path, "scnm", "ja", "en", {("NER", "未知"): 1}, keep=False)
    assert "--labels keep" in said(tmp_path, "tconer", "en", "ja", {("NER", "person"): 1}, keep=False)


def test_open_labels_and_labels_that_are_the_same_may_be_kept(tmp_path):
    LabelTable(load(), "tconer", "en", "ja", keep=True).check({("NER", "person"): 1}, tmp_path / "todo.csv")
    LabelTable(load(), "scnm", "ja", "ja", keep=True).check({("NER", "人名"): 1}, tmp_path / "todo.csv")
