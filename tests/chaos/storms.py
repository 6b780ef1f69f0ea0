"""Scenario: every webhook ten times, from ten connections at once."""

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .delivered import Delivered
from .lives import Webhook
from .process import Home
from .senders import Post
from .stores import Stores, open_stores
from .truth import StoryTruth, at_rest, wait_until
from .verdict import Verdict
from .witness import WITHOUT_LIMIT, Witness

CONNECTIONS = 10


def run(rng: random.Random, folder: Path, truth: StoryTruth, customers: int) -> Verdict:
    """So many customers' lives; the first of them at once, the next one after it."""
    verdict, flokit, lives = Verdict(), Witness(), truth.lives(rng, customers)
    with open_stores(folder, lives, over=True) as stores, flokit.serving() as destination:
        home = Home(folder, {**stores.environment, **destination, **WITHOUT_LIMIT})
        with home.running() as process, home.ledger() as ledger:
            storm = Storm(stores, home)
            for webhook in (webhook for life in lives for webhook in life.distinct):
                statuses = storm.send(webhook)
                verdict.expect(statuses == {200: CONNECTIONS}, f"{webhook} was answered {statuses}")
                verdict.count(webhooks_sent=CONNECTIONS, webhooks_acknowledged=statuses[200])
            storm.end()
            wait_until(lambda: at_rest(ledger), "the storm is over, and not everything is sent")
            Delivered(ledger, flokit, truth.of(lives)).judge(verdict)
            verdict.memory("storms", process.peak_memory_mb())
    return verdict


class Storm:
    """Ten connections that send the same at the same moment."""

    def __init__(self, stores: Stores, home: Home) -> None:
        self._posts = [Post(stores, lambda: home.url) for _ in range(CONNECTIONS)]
        self._together = threading.Barrier(CONNECTIONS)
        self._threads = ThreadPoolExecutor(CONNECTIONS)

    def send(self, webhook: Webhook) -> Counter[int]:
        """Send a webhook by all of them. Gives how often each status came back."""
        return Counter(self._threads.map(lambda post: self._at_once(post, webhook), self._posts))

    def end(self) -> None:
        """Close the connections."""
        self._threads.shutdown()
        for post in self._posts:
            post.http.close()

    def _at_once(self, post: Post, webhook: Webhook) -> int:
        self._together.wait()
        return post.once(webhook)
