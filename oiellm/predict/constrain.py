"""Greedy generation inside a grammar of :mod:`oiellm.predict.grammar`, for ``generate`` of transformers.

Each row is first a *draft*: the model's own best token is held against a grammar that is the same for every text and is
compiled once, and entities against the text itself. Only when a token is refused is the row's own grammar compiled and
the mask of allowed tokens computed. A model that writes what it may costs a few microseconds per row and step, and gets
exactly its free output.

At the length limit nothing is closed ahead: an output is cut where it stands, ``closed`` says so, and ``repair`` drops the
item that the cut left open. A reserve of steps for closing would cost items and could not tell a cut entity from a whole
one either. What the grammar's reserve does guarantee is a whole ``Label/WORD/``.

A model that only repeats itself is ended: after ``LOOP`` items in a row that were listed as often as the text holds them
(:class:`oiellm.predict.grammar.Repeats`). To forbid the last character of such an item instead would make the model extend
the entity to a longer piece of the text. What was listed too often is left out where the output is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import llguidance
import numpy as np
import torch
from llguidance.hf import from_tokenizer
from transformers import LogitsProcessor

from mmm_f1.unified import unescape
from oiellm.errors import OiellmError
from oiellm.predict.engine import Finish
from oiellm.predict.grammar import Repeats, behind_space, fields_of, frame
from oiellm.tokens import completion_ids, completion_text

LOOP: Final = 2
"""Items in a row that were there already, after which an output is ended."""
_PROBE: Final = "a/NER/:b;a b"
# Texts of 100,000 characters need more than llguidance's own limit.
_LIMITS: Final = llguidance.LLParserLimits(initial_lexer_fuel=1_000_000_000)
_ITEMS: Final = re.compile(rb":((?:[^\\:]|\\.)*\\?)", re.DOTALL)
_FIELDS: Final = re.compile(rb"(?<!\\);")


class Constrainer:
    """Everything about a tokenizer that its grammars share; make one per model.

    Args:
        tokenizer: a fast tokenizer of transformers.
        vocabulary: width of the model's logits; ids that the tokenizer does not have are never allowed.
        eos_ids: tokens that end an output.

    Raises:
        OiellmError: no output can be constrained with this tokenizer; says why.
    """

    def __init__(self, tokenizer: Any, vocabulary: int, eos_ids: Sequence[int]) -> None:
        if len(tokenizer) > vocabulary:
            raise OiellmError(f"the tokenizer has {len(tokenizer)} tokens, the model writes only {vocabulary}")
        if not eos_ids:
            raise OiellmError("no EOS token: a constrained output could not end")
        try:
            self.tokens = from_tokenizer(tokenizer, n_vocab=vocabulary, eos_token=list(eos_ids), slices=[])
        except ValueError as error:
            raise OiellmError(f"llguidance cannot read this tokenizer: {str(error).splitlines()[0]}") from error
        self.vocabulary, self.eos = vocabulary, tuple(eos_ids)
        self.bytes = [self.tokens.decode_bytes([token]) for token in range(vocabulary)]
        probe = completion_ids(tokenizer, _PROBE)[:-1]
        written = b"".join(self.bytes[token] for token in probe)
        self.spaced = written == b" " + _PROBE.encode()
        if completion_text(tokenizer, probe) != _PROBE or not (self.spaced or written == _PROBE.encode()):
            raise OiellmError(f"the tokenizer does not keep texts as they are: {_PROBE!r} becomes {written!r}")
        self._drafts: dict[str, Any] = {}

    def matcher(self, lark: str) -> Any:
        """Compile a grammar. Raises RuntimeError with llguidance's message: it never raises one itself."""
        made = llguidance.LLMatcher(self.tokens, lark, limits=_LIMITS, log_level=0)
        return _sound(made)

    def draft(self, lark: str) -> Any:
        """A matcher of a grammar that many rows share."""
        if lark not in self._drafts:
            self._drafts[lark] = self.matcher(lark)
        return self._drafts[lark].deep_copy()

    def processor(
        self, grammars: Sequence[tuple[str, int] | None], prompt_length: int, max_new_tokens: int
    ) -> ConstrainedLogits:
        """What one call of ``generate`` needs; the last of its logits processors.

        Args:
            grammars: ``(Grammar.lark, Grammar.reserve)`` per row of the batch; None for a row that is free.
            prompt_length: tokens of the padded prompts.
            max_new_tokens: as ``generate`` is told.

        Raises:
            OiellmError: ``max_new_tokens`` is too small for some row's ``Label/WORD/``.
        """
        need = max((reserve for _, reserve in filter(None, grammars)), default=0) + self.spaced
        if max_new_tokens < need:
            raise OiellmError(
                f"max_new_tokens {max_new_tokens} is too small to always finish the label: give {need} or more"
            )
        return ConstrainedLogits(self, grammars, prompt_length, max_new_tokens)


class ConstrainedLogits(LogitsProcessor):  # type: ignore[misc]  # transformers is not followed
    """Sets what the grammar forbids to -inf, in place, wherever the best token is forbidden.

    For greedy decoding only: a row whose best token is allowed keeps its other scores.

    Attributes:
        closed: per row, whether its output was cut, at the limit or because it only repeated itself; then ``repair`` it.
        looped: per row, whether it was cut because it only repeated itself.
        steps: tokens that were decided under a grammar.
        refused: of these, how often the model's own best token was not allowed.
    """

    def __init__(
        self, owner: Constrainer, grammars: Sequence[tuple[str, int] | None], prompt_length: int, max_new_tokens: int
    ) -> None:
        self.rows = [None if grammar is None else _Row(owner, grammar[0]) for grammar in grammars]
        self.closed, self.looped = [False] * len(grammars), [False] * len(grammars)
        self.end = prompt_length + max_new_tokens
        self.steps = self.refused = 0

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores of the next token, (rows, vocabulary), given all ids so far, (rows, tokens).

        Raises:
            RuntimeError: the last tokens are not the best ones, or a matcher failed.
        """
        if len(input_ids) != len(self.rows):
            raise RuntimeError(f"{len(self.rows)} grammars for {len(input_ids)} rows: constrained decoding is greedy")
        left = self.end - input_ids.shape[1]
        last, best = input_ids[:, -1].tolist(), scores.argmax(-1).tolist()
        wrong: list[int] = []
        for at, row in enumerate(self.rows):
            if row is None or row.done:
                continue
            if row.ids and row.ids[-1] != last[at]:
                raise RuntimeError("a token other than the best was chosen: constrained decoding is greedy")
            self.steps += 1
            if row.repeated >= LOOP and best[at] not in row.owner.eos:
                self.closed[at] = self.looped[at] = True
                self._end(row, scores[at])
            elif not row.take(best[at], left):
                wrong.append(at)
        if wrong:
            self.refused += len(wrong)
            self._choose(wrong, scores, left)
        if left == 1:
            self.closed = [was or not (row is None or row.done) for was, row in zip(self.closed, self.rows)]
        return scores

    def ended(self) -> list[Finish | None]:
        """Per row, why it was ended; None where the model ended it, or nothing did."""
        return ["looped" if loop else "closed" if cut else None for cut, loop in zip(self.closed, self.looped)]

    def _choose(self, wrong: list[int], scores: torch.Tensor, left: int) -> None:
        rows = [row for at in wrong if (row := self.rows[at]) is not None]
        allowed = torch.from_numpy(np.stack([row.allowed() for row in rows])).to(scores.device)
        masked = scores[wrong].masked_fill_(~allowed, -torch.inf)
        top, chosen = (values.tolist() for values in masked.max(-1))
        for number, row in enumerate(rows):
            # A character would be cut, or the tokenizer has no way to write what must follow (as of a text that spells one of
            # its special tokens): end here, and let the repair drop the item.
            stuck = top[number] == -torch.inf or row.splits(chosen[number], left)
            if stuck or not row.take(chosen[number], left):
                self.closed[wrong[number]] = True
                self._end(row, masked[number])
        scores[wrong] = masked

    def _end(self, row: _Row, scores: torch.Tensor) -> None:
        """Allow EOS and nothing else."""
        row.done = True
        scores.fill_(-torch.inf)
        scores[row.owner.eos[0]] = 0


class _Row:
    """One output as it grows."""

    def __init__(self, owner: Constrainer, lark: str) -> None:
        self.owner, self.lark = owner, behind_space(lark) if owner.spaced else lark
        self.frame = frame(self.lark)
        self.draft = self.frame.lark is not None
        self.matcher = owner.matcher(self.lark) if self.frame.lark is None else owner.draft(self.frame.lark)
        self.head = re.compile(rb"(?:\\.|[^\\])*?/%s/" % re.escape(self.frame.word.encode()), re.DOTALL)
        spans = [at for at in range(self.frame.fields) if at not in self.frame.labels]
        self.repeats = Repeats(unescape(self.frame.text.decode()), spans)
        self.ids: list[int] = []
        self.out = b""
        self.item = -1
        self.repeated = 0
        self.done = False

    def splits(self, token: int, left: int) -> bool:
        """Whether a token in the last ``left`` steps begins a character that could not be finished."""
        return left <= 3 and token not in self.owner.eos and _missing(self.out + self.owner.bytes[token]) >= left

    def take(self, token: int, left: int) -> bool:
        """Append a token if it is allowed and does not split a character at the limit."""
        if token in self.owner.eos:
            self.done = bool(self.matcher.is_accepting())
            return self.done
        out = self.out + self.owner.bytes[token]
        if self.splits(token, left):
            return False
        start = self._start(out)
        items = _ITEMS.findall(out, start) if start >= 0 else []
        if (self.draft and not self._in_text(items)) or not self.matcher.try_consume_tokens([token]):
            _sound(self.matcher)
            return False
        self.ids.append(token)
        self.out, self.item = out, start
        if len(items) > 1:
            self._count(items[:-1])
            self.item = len(out) - len(items[-1]) - 1
        return True

    def _start(self, out: bytes) -> int:
        """Where the item begins that is being written, or the first one will; -1 within the head."""
        if self.item >= 0:
            return self.item
        head = self.head.match(out)
        return head.end() if head else -1

    def _in_text(self, items: Sequence[bytes]) -> bool:
        """Whether all entities of a draft, the last one perhaps not whole yet, are in the text."""
        return all(
            at in self.frame.labels or field in self.frame.text
            for item in items
            for at, field in enumerate(_FIELDS.split(item))
        )

    def _count(self, items: Sequence[bytes]) -> None:
        """Count items that are whole."""
        for item in items:
            again = self.repeats.one_too_many(fields_of(item.decode()))
            self.repeated = self.repeated + 1 if again else 0

    def allowed(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which tokens may follow, (vocabulary,)."""
        if self.draft:
            self.draft, self.matcher = False, self.owner.matcher(self.lark)
            self.matcher.consume_tokens(self.ids)
            _sound(self.matcher)
        accepts = self.matcher.is_accepting()
        mask = np.frombuffer(self.matcher.compute_bitmask(), dtype=np.uint8)
        _sound(self.matcher)
        bits = np.unpackbits(mask, count=self.owner.vocabulary, bitorder="little").astype(bool)
        bits[list(self.owner.eos)] = accepts
        return bits


def _sound(matcher: Any) -> Any:
    if matcher.is_error():
        raise RuntimeError(f"llguidance: {matcher.get_error()}")
    return matcher


def _missing(out: bytes) -> int:
    """Bytes that the last character of ``out`` still lacks."""
    for back in range(1, min(4, len(out) + 1)):
        byte = out[-back]
        if byte >= 0xC0:
            return max(0, (2 if byte < 0xE0 else 3 if byte < 0xF0 else 4) - back)
        if byte < 0x80:
            break
    return 0
