"""Scenario: thousands of hostile requests beside good ones, which are taken all the while."""

import random
from functools import partial
from pathlib import Path

from .delivered import Delivered
from .hostile import NO_ANSWER, Flood
from .process import Home
from .senders import Post, Senders
from .stores import open_stores
from .truth import StoryTruth, at_rest, wait_until
from .verdict import Verdict
from .witness import WITHOUT_LIMIT, Witness

LIVES = 100  # of each source; more than are told meanwhile
CONNECTIONS = 4
WEBHOOKS_PER_SECOND = 40.0
SLOW = 300
SLOW_AND_BIG = 100
MOST_MEMORY_MB = 256.0  # some 70 at rest, 64 of bodies, and what 500 connections have in their buffers


def run(rng: random.Random, folder: Path, truth: StoryTruth, hostile_requests: int, *, patient: bool = True) -> Verdict:
    """So many hostile requests, and lives as long as they last."""
    verdict, flokit, lives = Verdict(), Witness(), truth.lives(rng, LIVES)
    with open_stores(folder, lives, over=True) as stores, flokit.serving() as destination:
        home = Home(folder, {**stores.environment, **destination, **WITHOUT_LIMIT})
        with home.running() as process, home.ledger() as ledger:
            told = Senders(partial(Post, stores, lambda: home.url), iter(lives), WEBHOOKS_PER_SECOND, rng)
            flood = Flood(home.url, rng)
            with told.telling(CONNECTIONS):
                flood.run(hostile_requests, SLOW, SLOW_AND_BIG, patient=patient)
                told.finish()
            wait_until(lambda: at_rest(ledger), "the flood is over, and not everything is sent")
            Delivered(ledger, flokit, truth.of(told.told)).judge(verdict)
            verdict.memory("floods", process.peak_memory_mb())
    _judge(told, flood, verdict)
    return verdict


def _judge(told: Senders, flood: Flood, verdict: Verdict) -> None:
    verdict.expect(
        told.sent == told.answered_200, f"of {told.sent} good webhooks {told.answered_200} were answered 200"
    )
    for status, count in flood.statuses.items():
        fine = status == NO_ANSWER or 400 <= status < 500 or status == 503
        verdict.expect(fine, f"{count} hostile requests were answered {status}")
    megabytes = verdict.peak_memory_mb["floods"]
    verdict.expect(megabytes < MOST_MEMORY_MB, f"the process had {megabytes:.0f} MB")
    verdict.count(
        webhooks_sent=told.sent, webhooks_acknowledged=told.answered_200, hostile_requests=flood.statuses.total()
    )
