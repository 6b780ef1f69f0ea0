"""Webhooks that go on coming in while a backlog drains."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from bench.events import event_body
from bridge.stories.stripe_signing import sign
from bridge.values.times import Clock

SECRET = "whsec_of_the_backlog_0123456789"
PAUSE_S = 0.02
ANSWERED_WITHIN_S = 10


class Customers:
    """One connection that sends a paid invoice, waits for the answer, rests a little and sends the next."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._url = f"{url}/webhooks/stripe"
        self._clock = clock
        self._enough = threading.Event()
        self.acknowledged: list[str] = []
        self.other_statuses: list[int] = []
        self.took_ms: list[float] = []

    @contextmanager
    def paying(self) -> Iterator[None]:
        """Send until the block ends."""
        thread = threading.Thread(target=self._pay, name="customers")
        thread.start()
        try:
            yield
        finally:
            self._enough.set()
            thread.join()

    def took_ms_at(self, percent: int) -> float:
        """Of so many per cent of the webhooks, how long the answer took at most."""
        return statistics.quantiles(self.took_ms, n=100)[percent - 1]

    def _pay(self) -> None:
        with httpx.Client(timeout=ANSWERED_WITHIN_S) as http:
            while not self._enough.wait(PAUSE_S):
                self._send(http, f"evt_meanwhile_{len(self.took_ms)}")

    def _send(self, http: httpx.Client, event_id: str) -> None:
        body = event_body(event_id, 1)
        headers = sign(body, SECRET, self._clock())
        began_s = time.perf_counter()
        status = http.post(self._url, content=body, headers=headers).status_code
        self.took_ms.append((time.perf_counter() - began_s) * 1_000)
        if status == 200:
            self.acknowledged.append(f"in_{event_id}")
        else:
            self.other_statuses.append(status)
