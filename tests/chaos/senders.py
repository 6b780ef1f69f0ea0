"""Connections of the stores: each tells lives one after the other, and sends every webhook until it is answered 200."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from bridge.values.times import Clock, system_clock

from .lives import Life, Webhook
from .stores import Stores

PATIENCE_S = 30.0
AGAIN_AFTER_S = 0.02
SENDING, ACKNOWLEDGED = "a webhook is sent", "a webhook is acknowledged"


@dataclass
class Post:
    """What a connection sends and what comes back. `url` is asked for anew each time: a restart changes it, and
    it is empty while nobody listens."""

    stores: Stores
    url: Callable[[], str]
    clock: Clock = system_clock
    http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=PATIENCE_S))

    def once(self, webhook: Webhook) -> int:
        """Send it once and give the status; 0 when there is no answer."""
        headers, body = self.stores.seal(webhook, self.clock())
        if not (url := self.url()):
            return 0
        try:
            return self.http.post(f"{url}/webhooks/{webhook.source}", content=body, headers=headers).status_code
        except httpx.TransportError:
            return 0


class Senders:
    """Several connections that share lives, each life told by one of them in order.

    `per_second` is how many webhooks they begin together; `at` is told when one is sent and when one is acknowledged.
    """

    def __init__(self, post: Callable[[], Post], lives: Iterator[Life], per_second: float, rng: random.Random) -> None:
        self._post = post
        self._lives = lives
        self._pause_s = 1 / per_second
        self._rng = random.Random(rng.random())
        self._lock = threading.Lock()
        self._enough = threading.Event()
        self._threads: list[threading.Thread] = []
        self.at: Callable[[str], object] = lambda _moment: None
        self.told: list[Life] = []
        self.acknowledged: set[Webhook] = set()
        self.on_their_way: set[Webhook] = set()
        self.sent = 0
        self.answered_200 = 0
        self.strange: list[int] = []

    @contextmanager
    def telling(self, connections: int) -> Iterator[None]:
        """Tell lives while the block runs. Call `finish` within it, when somebody takes webhooks for good."""
        self._threads = [
            threading.Thread(target=self._tell, args=(connections,), name="sender", daemon=True)
            for _ in range(connections)
        ]
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._enough.set()

    def finish(self) -> None:
        """Begin no further life, and tell each that has begun to its end, without pauses."""
        self._enough.set()
        self._pause_s = 0
        for thread in self._threads:
            thread.join()

    def _tell(self, connections: int) -> None:
        post = self._post()
        with post.http:
            while life := self._next():
                for webhook in life.webhooks:
                    self._until_taken(post, webhook)
                    self._sleep(self._pause_s * connections)

    def _next(self) -> Life | None:
        if self._enough.is_set():
            return None
        with self._lock:
            life = next(self._lives, None)
            if life:
                self.told.append(life)
        return life

    def _until_taken(self, post: Post, webhook: Webhook) -> None:
        while True:
            with self._lock:
                self.sent += bool(post.url())
                self.on_their_way.add(webhook)
            self.at(SENDING)
            status = post.once(webhook)
            with self._lock:
                self.on_their_way.discard(webhook)
                if status == 200:
                    self.answered_200 += 1
                    self.acknowledged.add(webhook)
            if status == 200:
                self.at(ACKNOWLEDGED)
                return
            if status not in (0, 503):
                self.strange.append(status)
            self._sleep(AGAIN_AFTER_S)

    def _sleep(self, mean_s: float) -> None:
        with self._lock:
            length_s = self._rng.uniform(0, 2 * mean_s)
        threading.Event().wait(length_s)
