"""A clock in a file: the harness moves it, the bridge in its own process reads it."""

import mmap
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

TICK_S = 0.01


class SharedClock:
    """A Clock (epoch milliseconds) of several processes: eight bytes of a file that all of them have in memory."""

    def __init__(self, path: Path) -> None:
        """The clock that stands in the file."""
        self.path = path
        with path.open("r+b") as file:
            self._cell = memoryview(mmap.mmap(file.fileno(), 8)).cast("q")

    @classmethod
    def create(cls, path: Path, now_ms: int) -> Self:
        """A new clock that shows `now_ms`."""
        path.write_bytes(bytes(8))
        clock = cls(path)
        clock.move_to(now_ms)
        return clock

    def __call__(self) -> int:
        return self._cell[0]

    def move_to(self, now_ms: int) -> None:
        """Show `now_ms` from now on, unless it is later already."""
        self._cell[0] = max(self._cell[0], now_ms)

    def advance(self, by_ms: int) -> None:
        """Let `by_ms` milliseconds pass."""
        self._cell[0] += by_ms

    @contextmanager
    def running(self, times: float) -> Iterator[None]:
        """Let it run by itself, so many times as fast as a clock on the wall, until the block ends."""
        stopping = threading.Event()
        thread = threading.Thread(target=self._run, args=(times, stopping), name="clock")
        thread.start()
        try:
            yield
        finally:
            stopping.set()
            thread.join()

    def _run(self, times: float, stopping: threading.Event) -> None:
        seen_s = time.monotonic()
        while not stopping.wait(TICK_S):
            now_s = time.monotonic()
            self.advance(int((now_s - seen_s) * 1_000 * times))
            seen_s = now_s
