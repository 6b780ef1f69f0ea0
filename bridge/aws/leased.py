"""Mapping by one function at a time for each source.

The ledger alone would see to it that a notification is mapped once and that no memory is written over. But what two
functions read while the other had not written yet, none of them would see: the refund not the sale, the sale not the
refund, and both would be settled.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager

from bridge.pipeline import Pipeline
from bridge.values.times import Clock


class LeasedPipeline:
    """A pipeline whose every step is made under a lease (see bridge.worker.Maps)."""

    def __init__(
        self, pipeline: Pipeline, take_lease: Callable[[], AbstractContextManager[object] | None], clock: Clock
    ) -> None:
        """`take_lease` gives the right to map, or None while another function has it."""
        self._pipeline = pipeline
        self._take_lease = take_lease
        self._clock = clock

    def step(self, limit: int = 32) -> int:
        """Map some of what is due; gives how many were looked at, 0 when nothing is due or another function maps.

        It looks again after it gave the lease back: what another function kept meanwhile, that one could not map.
        """
        while self._is_due():
            lease = self._take_lease()
            if lease is None:
                return 0
            with lease:
                looked_at = self._pipeline.step(limit)
            if looked_at:
                return looked_at
        return 0

    def next_due_ms(self) -> int | None:
        """When the next one that waits becomes due; None when nothing is pending."""
        return self._pipeline.next_due_ms()

    def _is_due(self) -> bool:
        due_ms = self.next_due_ms()
        return due_ms is not None and due_ms <= self._clock()
