"""A clock that stands still until it is moved."""

from bridge.values.times import iso


class MovableClock:
    """A Clock (epoch milliseconds) that tests and the demo move by hand."""

    def __init__(self, now_ms: int = 1_764_000_000_000) -> None:
        self.now_ms = now_ms

    def __call__(self) -> int:
        return self.now_ms

    def advance(self, by_ms: int) -> None:
        """Let `by_ms` milliseconds pass."""
        self.now_ms += by_ms

    def __repr__(self) -> str:
        return f"MovableClock({iso(self.now_ms)})"
