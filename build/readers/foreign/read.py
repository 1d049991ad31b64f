"""Reads a file or folder that another tool wrote: documents, then offsets and tags over the whole file, then records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from build.core import Drop, KitError, Note, Row
from build.readers.foreign import brat, label_studio, prompts, spacy_docs, words
from build.readers.foreign.document import Document, ShapeError
from build.readers.foreign.formats import FORMATS, KEYS, check_format, find_format, guess_format
from build.readers.foreign.items import marked
from build.readers.foreign.records import Entry, Target, to_rows
from build.readers.inputs import extra_keys, find_all, raw_text, read_json, suffix
from build.readers.labels import LABEL_OPTIONS, TextLabels, by_language, split_of
from build.readers.offsets import CODE_POINTS, Marked, Scale, find_scale
from build.readers.provenance import PROVENANCE_OPTIONS, WRITTEN, resolve_provenance
from mmm_dataset import Registry
from mmm_dataset.files import progress

OPTIONS: Final = {
    "format": f"{', '.join(FORMATS)} (default: told by the file)",
    "task": "code of the task in the registry; ner-only (--registry ner-only) if there are no text-level labels (required)",
    "language": "code, if neither files nor folders begin with it; in a folder, the only language read",
    **PROVENANCE_OPTIONS,
    **LABEL_OPTIONS,
    "label-from": "where the text-level label is: key:NAME of the row, file-name or folder (default: what the format has)",
    "offsets": "what offsets count: codepoints, utf16 or bytes (default: told by the text), or none: place by strings",
    "labels": "hf-tokens: names of the tags in the order of their numbers, such as O,B-PER,I-PER",
    "tags": f"hf-tokens: the key of the tags (default: the first of {', '.join(words.TAGS)})",
    "scheme": "hf-tokens: scheme of the tags, as of the reader conll (default: told by the tags)",
    "text-key": "label-studio: the key of the text in a task's data (default: text)",
}
"""Options of the reader; their help."""

_NOT_DATA: Final = (
    "dataset_info.json",
    "dataset_infos.json",
    "features.json",
    "state.json",
    "manifest.json",
    "dataset_dict.json",
)

_ONLY: Final = {"labels": "hf-tokens", "tags": "hf-tokens", "scheme": "hf-tokens", "text_key": "label-studio"}
"""Options of one format."""

_AROUND: Final = ("annotations", "documents")
"""Keys of an object around all rows."""


@dataclass(frozen=True)
class _Run:
    target: Target
    format: str | None
    options: dict[str, str]
    split_from: str | None
    root: Path


def read(
    path: Path,
    registry: Registry,
    *,
    format: str | None = None,
    task: str | None = None,
    language: str | None = None,
    source: str | None = None,
    license: str | None = None,
    label: str | None = None,
    label_from: str | None = None,
    split_from: str | None = None,
    unknown_labels: str = "stop",
    **options: str,
) -> Iterator[Row]:
    """Read a file or a folder; the options are described in ``OPTIONS``.

    Raises:
        KitError: an option is missing or wrong, a file is of no known format, or most of its rows, tags or offsets are wrong.
    """
    if not task:
        raise KitError("--task is missing: the rows go into the config LANGUAGE_TASK of the registry")
    labels = TextLabels.parse(label, label_from, ("key", "file-name", "folder"))
    provenance = resolve_provenance(registry, source, license)
    suffixes = (
        find_format(format).suffixes if format else tuple({s: None for form in FORMATS.values() for s in form.suffixes})
    )
    files, notes = find_all(path, registry.source("user"), *suffixes)
    texts = {file.with_suffix(".txt").name for file in files if suffix(file) == ".ann"}
    yield from (note for note in notes if note.id not in texts)
    files = [file for file in files if file.name not in _NOT_DATA or path.is_file()]
    spoken, notes = by_language(files, path, registry, language)
    yield from notes
    if missing := sorted({f"{code}_{task}" for code in spoken.values()} - registry.configs.keys()):
        there = ", ".join(registry.configs)
        raise KitError(f"no config {missing[0]} in the registry: add it with --registry FILE.toml; there are: {there}")
    for code in sorted(set(spoken.values())):
        target = Target(registry, registry.config(f"{code}_{task}"), provenance, labels, unknown_labels, path)
        run = _Run(target, format, options, split_from, path)
        files = [file for file in spoken if spoken[file] == code]
        annotated = [file for file in files if suffix(file) == ".ann"]
        if annotated:
            yield from _read_group(run, "brat", annotated, path)
        for file in files:
            if file not in annotated:
                yield from _read_group(run, format, [file], file)


def _read_group(run: _Run, form: str | None, files: Sequence[Path], where: Path) -> Iterator[Row]:
    """The rows of one file, or of all documents of brat: what is told by the text is told over all of them."""
    entries, bad = [], []
    for file in progress(files, "reading files") if len(files) > 1 else files:
        documents, form, wrong = _documents(run, form, file)
        split = split_of(file, run.root, run.split_from)
        entries += [
            Entry(place, file, number, document, split) for number, (place, document) in enumerate(documents, 1)
        ]
        bad += wrong
    if bad and len(bad) >= len(entries):
        raise KitError(f"{where}: {bad[0].detail} ({len(bad):,} of {len(bad) + len(entries):,} rows are like this)")
    yield from bad
    for option in run.options:
        if _ONLY.get(option, form) != form:
            raise KitError(
                f"{where}: --{option.replace('_', '-')} is for {_ONLY[option]}, this is {form}: leave it out"
            )
    if form == "hf-tokens":
        scheme = words.decode_tags([entry.document for entry in entries], str(where), run.options.get("scheme"))
        yield Note(where.name, "tag_scheme", scheme)
    forced = run.options.get("offsets")
    if forced == "none":
        _forget_offsets(entries)
    spans = [span for entry in entries for span in marked(entry.document)]
    scale = find_scale(spans, str(where), None if forced == "none" else forced)
    yield from extra_keys(where, _extra(entries, run.target))
    yield from _said_of_offsets(spans, scale, where, "offsets" in run.options)
    yield from to_rows(entries, run.target, scale, where)


def _extra(entries: Sequence[Entry], target: Target) -> Counter[str]:
    """Keys of the rows that nothing is made of, with their counts."""
    known = (*WRITTEN, "text_label", "split", target.labels.key)
    return Counter(key for entry in entries for key in entry.document.meta if key not in known)


def _forget_offsets(entries: Sequence[Entry]) -> None:
    for mention in (mention for entry in entries for mention in entry.document.mentions.values()):
        if mention.text is not None:
            mention.start = mention.end = None


def _documents(run: _Run, form: str | None, file: Path) -> tuple[list[tuple[str, Document]], str, list[Drop]]:
    """The documents of a file with their places, the name of the format, and the rows that are not of it."""
    ending = suffix(file)
    if ending == ".ann":
        return list(brat.read_brat(file, run.root)), "brat", []
    if ending == ".spacy":
        return list(spacy_docs.read_docbin(file)), "spacy", []
    found = _parquet(file) if ending == ".parquet" else read_json(file, KEYS, inside=_AROUND, any_rows=True)
    rows = [(place, row) for place, row in found if row is not None]
    if not rows:
        raise KitError(
            f"{file}: no rows found; expected {find_format(form).expected if form else 'rows of another tool'}"
        )
    values = [row for _, row in rows]
    name = form or guess_format(file, values)
    parse = FORMATS[name].parse
    if name == "brat":
        raise KitError(f"{file}: brat's files are .ann, with a .txt beside each; give their folder")
    if name == "hf-tokens":
        named = run.options.get("tags")
        names = words.label_names(file, run.options.get("labels"), words.key_of_tags(values[0], named))
        parse = partial(parse, names=names, named=named)
    if name == "label-studio":
        parse = partial(parse, text_key=run.options.get("text_key"))
    documents: list[tuple[str, Document, Any]] = []
    bad = []
    for place, row in progress(rows, file.name):
        try:
            documents.append((place, parse(row), row))
        except ShapeError as error:
            bad.append(Drop(place, "bad_row", f"{place}: {error}", raw_text(row)))
    if documents:
        check_format(file, name, values)
    chosen = label_studio.latest(documents) if name == "label-studio" else ((place, doc) for place, doc, _ in documents)
    joined = prompts.join(list(chosen)) if FORMATS[name].joined else list(chosen)
    if name == "uie":
        for _, document in joined:
            prompts.relations_of_prompts(document)
    return joined, name, bad


def _parquet(file: Path) -> Iterator[tuple[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(file).to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise KitError(f"{file}: not a Parquet file ({error})") from error
    yield from ((f"{file.name}[{number}]", row) for number, row in enumerate(rows))


def _said_of_offsets(spans: Sequence[Marked], scale: Scale, where: Path, forced: bool) -> Iterator[Note]:
    if scale != CODE_POINTS:
        yield Note(where.name, "offsets_converted", f"the offsets of {len(spans):,} spans count {scale}: put right")
    unsure = [span for span in spans if span.piece is None and any(char > "\uffff" for char in span.text)]
    other = replace(scale, unit="utf16" if scale.unit == "codepoints" else "codepoints")
    unsure = [span for span in unsure if scale.place(span) != other.place(span)]
    if unsure and not forced and all(other.place(span) for span in unsure):
        detail = f"{len(unsure):,} spans would be others in {other}; {scale} are assumed: --offsets says otherwise"
        yield Note(where.name, "offsets_assumed", detail)
