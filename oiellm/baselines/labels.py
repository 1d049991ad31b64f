"""Labels by meaning: styles and models spell them in their own ways, and each release spells them in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from mmm_dataset import Record, Registry
from mmm_dataset.registry import Config
from oiellm.predict.surface import label_forms


class Labels:
    """A label set in a language, as the rows of a release spell it. Open labels are spelled as they come.

    Attributes:
        by_key: key to the spelling in the release, in the order of the registry; None if the labels are open.
    """

    def __init__(self, registry: Registry, name: str | None, language: str, used: Iterable[str] = ()) -> None:
        """Settle the spellings.

        Args:
            registry: for its label sets.
            name: of the set; None for open labels.
            language: in which labels are written.
            used: labels of the release's rows: of several spellings the most frequent one is the release's.
        """
        self.by_key: Mapping[str, str] | None = None
        self._index: dict[str, str] = {}
        if name is None or not (index := registry.label_set(name, language)):
            return
        counts = Counter(label for label in used if label in index)
        keys = dict.fromkeys(index.values())
        best = {key: max((s for s in index if index[s] == key), key=lambda s: counts[s]) for key in keys}
        self.by_key = {key: best[key] if counts[best[key]] else registry.spelling(name, key, language) for key in keys}
        own = {label_forms(spelling)[0]: key for spelling, key in index.items()}
        # A model may answer in another language; where two of them mean different things by a word, it means nothing.
        others = [
            {label_forms(spelling)[0]: key for spelling, key in registry.label_set(name, other).items()}
            for other in registry.languages
            if other != language
        ]
        means: dict[str, set[str]] = {}
        for spelling, key in (pair for one in others for pair in one.items()):
            means.setdefault(spelling, set()).add(key)
        known = {spelling: min(found) for spelling, found in means.items() if len(found) == 1 and found <= keys.keys()}
        self._index = {**known, **own}

    @property
    def listed(self) -> Sequence[str] | None:
        """The spellings of the release; None if the labels are open."""
        return None if self.by_key is None else list(self.by_key.values())

    def read(self, spelling: str) -> str | None:
        """The release's spelling of a label in any spelling of the registry, whatever case and width; None if it is none."""
        if self.by_key is None:
            return spelling or None
        key = self.key(spelling)
        return None if key is None else self.by_key[key]

    def key(self, spelling: str) -> str | None:
        """The key of a label; None if it is none of the set, or the labels are open."""
        return next((self._index[form] for form in label_forms(spelling) if form in self._index), None)

    def at_the_end(self, words: str) -> str | None:
        """The label that ends a line of words, as in ``the answer is: Literature``; None if none does."""
        folded = label_forms(words)[0]
        fitting = [
            known
            for known in self._index
            if folded.endswith(known) and not folded[: len(folded) - len(known)][-1:].isalnum()
        ]
        return self.read(max(fitting, key=len)) if fitting else None


class ConfigLabels:
    """The labels of both levels of a config.

    Attributes:
        text: of the text level.
        words: task word to the labels of its items.
    """

    def __init__(self, registry: Registry, config: Config, records: Iterable[Record] = ()) -> None:
        """Settle how a config's labels are spelled, by its training rows if there are any."""
        rows, task = list(records), registry.task(config.task)
        texts = (record.label for record in rows if record.label is not None)
        self.text = Labels(registry, task.text_labels, config.language, texts)
        self.words = {
            word: Labels(
                registry,
                task.word_labels.get(word),
                config.language,
                (item.label for record in rows if record.word == word for item in record.items or ()),
            )
            for word in task.words
        }
