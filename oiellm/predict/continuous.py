"""Continuous batching with ``transformers``: for free decoding on a GPU. On a CPU it is slower than one row at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from oiellm.errors import OiellmError
from oiellm.predict.engine import Reply, Request
from oiellm.predict.local import Fitted, Loaded, fit, reply


class ContinuousEngine:
    """Rows enter and leave the running batch one by one, over a paged cache. ``Reply.batch`` is -1: there are no batches."""

    name = "continuous"
    at_once = 128  # the library fits in as many as the memory holds: a guess, only for the pilot of a long run

    def __init__(self, loaded: Loaded, memory: float | None = None) -> None:
        """Take a model.

        Args:
            loaded: see :func:`oiellm.predict.local.load_model`.
            memory: share of the free memory that the cache takes; None: the library's choice, about 0.9.
        """
        self.loaded, self.memory = loaded, memory
        self.model, self.dtype, self.positions = loaded.name, loaded.dtype, loaded.positions

    def generate(self, requests: Sequence[Request], max_new_tokens: int) -> Iterator[Reply]:
        """Greedy replies, as they become ready.

        Raises:
            OiellmError: a request is constrained (the library's processors see no grammar here), or generation failed.
        """
        if any(request.grammar is not None for request in requests):
            raise OiellmError(
                "the engine 'continuous' decodes freely only: use the engine 'transformers' for constrained"
            )
        fitted, too_long = fit(self.loaded, requests, max_new_tokens)
        yield from too_long
        if fitted:
            yield from self._generate(fitted)

    def _generate(self, fitted: Sequence[Fitted]) -> Iterator[Reply]:
        from transformers import ContinuousBatchingConfig
        from transformers.generation.continuous_batching.utils import WorkloadHints

        config = ContinuousBatchingConfig(max_memory_percent=self.memory)
        hints = WorkloadHints(len(fitted[0].ids), max(row.limit for row in fitted), len(fitted))
        rows = {str(row.request.key): row for row in fitted}
        with self.loaded.model.continuous_batching_context_manager(
            continuous_batching_config=config, workload_hints=hints
        ) as manager:
            for name, row in rows.items():
                manager.add_request(row.ids, request_id=name, max_new_tokens=row.limit)
            while rows:
                result = manager.get_result(timeout=1)
                if result is not None and result.is_finished():
                    if result.error is not None:
                        raise OiellmError(f"continuous batching failed: {result.error}; use the engine 'transformers'")
                    yield reply(self.loaded, rows.pop(result.request_id), result.generated_tokens, -1)
                elif result is None and not manager.is_running():
                    raise OiellmError("continuous batching stopped by itself; use the engine 'transformers'")
