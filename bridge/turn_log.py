"""The log on an event loop. It stands alone since importing asyncio is dear, and the functions on AWS have no loop."""

import asyncio

from bridge.log import Write, line
from bridge.values.times import Clock, system_clock


class TurnLog:
    """Writes the lines of one turn of the event loop together: a batch of webhooks costs one write.

    To be called on the event loop only.
    """

    def __init__(self, write: Write, clock: Clock = system_clock) -> None:
        self._write = write
        self._clock = clock
        self._lines: list[bytes] = []

    def __call__(self, event: str, /, **fields: object) -> None:
        """Write one line at the end of this turn."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._flush)
        self._lines.append(line(self._clock(), event, fields))

    def _flush(self) -> None:
        lines, self._lines = self._lines, []
        self._write(b"".join(lines))
