"""Scenario: the sources' own retries, up to a week late and past FloKit's 24 hours, in whatever order they come."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import accumulate
from pathlib import Path

from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

from .clock import SharedClock
from .delivered import Delivered
from .lives import Life, Webhook
from .process import Home
from .senders import Post
from .stores import SOURCES, open_stores
from .truth import StoryTruth, at_rest, wait_until
from .verdict import Verdict
from .witness import Witness

AFTERWARDS_MS = 8 * DAY_MS

# Apple: 1, 12, 24, 48 and 72 hours after the attempt before.
# https://developer.apple.com/documentation/appstoreservernotifications/responding-to-app-store-server-notifications
APPLE_MS = [0, *(hours * HOUR_MS for hours in accumulate((1, 12, 24, 48, 72)))]
# Stripe: up to three days with an exponential back-off. https://docs.stripe.com/webhooks#automatic-retries
STRIPE_MS = [0, MINUTE_MS, 10 * MINUTE_MS, HOUR_MS, 4 * HOUR_MS, 12 * HOUR_MS, DAY_MS, 2 * DAY_MS, 3 * DAY_MS]
PUB_SUB_MS = 7 * DAY_MS  # the usual retention, with 10 to 600 seconds between tries
PUB_SUB_TRIES = 12  # of the hundreds


def _pub_sub(rng: random.Random) -> list[int]:
    return [0, 10 * SECOND_MS, *(rng.randrange(PUB_SUB_MS) for _ in range(PUB_SUB_TRIES)), PUB_SUB_MS]


SCHEDULES: Mapping[str, Callable[[random.Random], Sequence[int]]] = {
    "stripe": lambda _rng: STRIPE_MS,
    "apple": lambda _rng: APPLE_MS,
    "google": _pub_sub,
}
"""When a source sends a webhook: milliseconds after it was made."""


def run(rng: random.Random, folder: Path, truth: StoryTruth, sources: Collection[str] = SOURCES) -> Verdict:
    """One life of each source. Of each webhook's tries some get lost on the way, the first ones too."""
    lives = [life for life in truth.lives(rng, 1) if life.source in sources]
    verdict = Verdict()
    clock = SharedClock.create(folder / "clock", truth.start_ms)
    flokit = Witness(clock, requests_per_minute=100)
    with open_stores(folder, lives, clock) as stores, flokit.serving() as destination:
        # Apple's notifications may be as old as they are by default.
        environment = {**stores.environment, **destination, "APPLE_MAX_AGE_DAYS": "8"}
        home = Home(folder, environment, clock)
        with home.running() as process, home.ledger() as ledger:
            post = Post(stores, lambda: home.url, clock)
            with post.http:
                for at_ms, webhook in arrivals(rng, lives):
                    clock.move_to(at_ms)
                    status = post.once(webhook)
                    verdict.expect(status == 200, f"{webhook} was answered {status}")
                    verdict.count(webhooks_sent=1, webhooks_acknowledged=status == 200)
                    if rng.random() < 0.5:  # else it is mapped together with what comes next
                        wait_until(lambda: at_rest(ledger, delivered=False), f"{webhook} was not mapped")
            clock.advance(AFTERWARDS_MS)
            wait_until(lambda: at_rest(ledger), "the retries are over, and not everything is sent")
            Delivered(ledger, flokit, truth.of(lives), in_order=False).judge(verdict)
            verdict.memory("retries", process.peak_memory_mb())
    return verdict


def arrivals(rng: random.Random, lives: Sequence[Life]) -> list[tuple[int, Webhook]]:
    """What arrives when, in order of time. At least one try of each webhook does."""
    found = []
    for webhook in (webhook for life in lives for webhook in life.distinct):
        tries = SCHEDULES[webhook.source](rng)
        arriving = [after for after in tries if rng.random() < 0.6] or [tries[-1]]
        found += [(webhook.at_ms + after + rng.randrange(MINUTE_MS), webhook) for after in arriving]
    return sorted(found, key=lambda arrival: arrival[0])
