"""Scenario: whole lives told in any order. Each ends in the same events, but for the cases in `documented`."""

import random
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from bridge.values.times import DAY_MS, SECOND_MS

from .delivered import Delivered
from .lives import Life, Webhook
from .process import Home
from .random_apple import apple_life
from .random_google import google_life
from .random_stripe import stripe_life
from .senders import Post
from .stores import open_stores
from .truth import Fact, StoryTruth, at_rest, undisturbed, wait_until
from .verdict import Verdict
from .witness import WITHOUT_LIMIT, Witness

EARLIER_MS = 60 * DAY_MS  # made-up lives take so much longer than the stories


def run(rng: random.Random, folder: Path, truth: StoryTruth, customers: int) -> Verdict:
    """The stories of so many customers of each source at the same time, each in an order of its own."""
    lives = truth.lives(rng, customers)
    return _told_in_any_order(rng, folder, lives, truth.of(lives))


def run_made_up(rng: random.Random, folder: Path, truth: StoryTruth, customers: int) -> Verdict:
    """The same with lives that are made up, and with what they lead to when they are told in order."""
    lives = made_up_lives(rng, customers, truth.start_ms - EARLIER_MS)
    told = undisturbed(folder / "truth", lives)
    return _told_in_any_order(rng, folder, lives, [fact for _, fact in told])


def made_up_lives(rng: random.Random, customers: int, start_ms: int) -> list[Life]:
    """Made-up lives of so many customers of each source."""
    return [
        life
        for number in range(customers)
        for life in (
            stripe_life(rng, number, start_ms // SECOND_MS),
            apple_life(rng, number, start_ms),
            google_life(rng, number, start_ms),
        )
    ]


def _told_in_any_order(rng: random.Random, folder: Path, lives: Sequence[Life], expected: Sequence[Fact]) -> Verdict:
    verdict, flokit = Verdict(), Witness()
    with open_stores(folder, lives, over=True) as stores, flokit.serving() as destination:
        home = Home(folder, {**stores.environment, **destination, **WITHOUT_LIMIT})
        with home.running() as process, home.ledger() as ledger:
            post = Post(stores, lambda: home.url)
            with post.http:
                for webhooks in steps(rng, lives):
                    statuses = [post.once(webhook) for webhook in webhooks]
                    verdict.expect(set(statuses) == {200}, f"good webhooks were answered {statuses}")
                    verdict.count(webhooks_sent=len(statuses), webhooks_acknowledged=statuses.count(200))
                    wait_until(lambda: at_rest(ledger, delivered=False), f"not mapped: {webhooks}")
            wait_until(lambda: at_rest(ledger), "all is told, and not everything is sent")
            Delivered(ledger, flokit, expected, in_order=False).judge(verdict)
            verdict.memory("orders", process.peak_memory_mb())
    return verdict


def steps(rng: random.Random, lives: Sequence[Life]) -> list[list[Webhook]]:
    """One webhook of each life at a time: what comes between two steps is mapped before the second."""
    shuffled = [rng.sample(life.distinct, len(life.distinct)) for life in lives]
    return [[webhook for webhook in step if webhook] for step in zip_longest(*shuffled)]
