"""Kills a process when a chosen moment comes."""

import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from . import senders, witness
from .lives import Webhook
from .process import Process

STARTING, ANY, MAPPED, DELIVERED, DROPPED = (
    "it starts",
    "any moment",
    "it has mapped a notification",
    "it has noted a delivery",
    "a request arrives and is dropped",
)
MOMENTS = (
    STARTING,
    *(ANY, ANY, ANY),
    senders.SENDING,
    senders.ACKNOWLEDGED,
    MAPPED,
    DROPPED,
    witness.ARRIVED,
    witness.TAKEN,
    witness.ANSWERED,
    DELIVERED,
)
"""When a process is killed. What the kill has hit is read from what it leaves behind (post_mortem)."""


@dataclass
class Trigger:
    """Aimed at one process after the other. It is told of every moment, from many threads.

    `on_their_way` gives the webhooks that are being sent; `unanswered` is what it gave when the process was killed.
    """

    on_their_way: Callable[[], Collection[Webhook]] = field(default=lambda: ())
    unanswered: Collection[Webhook] = ()
    killed_at_s: float = 0
    _process: Process | None = None
    _moment: str = ""
    _fired: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def kill(self, process: Process, moment: str, patience_s: float) -> None:
        """Kill the process when `moment` comes, or else after `patience_s`. Returns when it has ended."""
        self._fired.clear()
        with self._lock:
            self._process, self._moment = process, moment
        self._fired.wait(patience_s)
        self._fire(ANY)
        process.kill()

    def __call__(self, moment: str) -> bool:
        """It is this moment. False when the process is killed for it."""
        return not (moment == self._moment and self._fire(moment))

    def on_line(self, line: bytes) -> None:
        """It has written this line of its log."""
        for word, moment in ((b'"event":"mapping"', MAPPED), (b'"event":"delivery"', DELIVERED)):
            if word in line:
                self(moment)

    def at_flokit(self, moment: str) -> bool:
        """It is this moment at FloKit's door. False when FloKit is to drop what has come."""
        if moment == witness.ARRIVED and not self(DROPPED):
            return False
        self(moment)
        return True

    def _fire(self, moment: str) -> bool:
        with self._lock:
            if self._process is None or moment not in (self._moment, ANY):
                return False
            self.unanswered = set(self.on_their_way())
            self._process.send_kill()
            self.killed_at_s = time.monotonic()
            self._process = None
        self._fired.set()
        return True
