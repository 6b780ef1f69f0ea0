"""Scenario: `kill -9`, again and again, at random moments and at chosen ones, while webhooks flow in."""

import random
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from . import post_mortem
from .delivered import Delivered
from .process import Home
from .senders import Post, Senders
from .stores import open_stores
from .trigger import ANY, MOMENTS, STARTING, Trigger
from .truth import StoryTruth, at_rest, wait_until
from .verdict import Verdict
from .witness import WITHOUT_LIMIT, Text, Witness

LIVES = 100  # of each source; more than are told in a round
CONNECTIONS = 6
LONGEST_LIFE_S = 0.8


@dataclass(frozen=True)
class Pace:
    """How fast webhooks come, and how many requests a minute may go out: few of them lead to batches."""

    webhooks_per_second: float
    limit: dict[str, str]


SINGLES = Pace(60, WITHOUT_LIMIT)
BATCHES = Pace(200, {"FLOKIT_REQUESTS_PER_MINUTE": "1"})


def run(rng: random.Random, folder: Path, truth: StoryTruth, kills: int, pace: Pace) -> Verdict:
    """One ledger, so many processes killed on it, and a last one that is not."""
    lives = truth.lives(rng, LIVES)
    with open_stores(folder, lives, over=True) as stores, (flokit := Witness()).serving() as destination:
        home = Home(folder, {**stores.environment, **destination, **pace.limit})
        told = Senders(partial(Post, stores, lambda: home.url), iter(lives), pace.webhooks_per_second, rng)
        killing = Killing(rng, home, told, flokit)
        with told.telling(CONNECTIONS):
            for _ in range(kills):
                killing.one()
            killing.the_last_lives_on()
        killing.judge(truth)
    return killing.verdict


@dataclass
class Killing:
    """The kills of one round. `doubted` is every event, by key, that was in doubt after one of them."""

    rng: random.Random
    home: Home
    told: Senders
    flokit: Witness
    verdict: Verdict = field(default_factory=Verdict)
    doubted: dict[str, Text] = field(default_factory=dict)
    trigger: Trigger = field(default_factory=Trigger)
    _moments: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.trigger.on_their_way = lambda: self.told.on_their_way
        self.told.at = self.trigger
        self.flokit.at = self.trigger.at_flokit
        self.home.on_line = self.trigger.on_line

    def one(self) -> None:
        """Start a process, kill it, and look at what it has left."""
        moment = self._next_moment()
        process = self.home.spawn()
        if moment != STARTING and self.rng.random() < 0.5:  # else the trigger is there before its first request
            self.verdict.expect(process.ready(), "a process ended by itself; its log says why")
            time.sleep(self.rng.uniform(0, LONGEST_LIFE_S / 2))
        by_chance = moment in (STARTING, ANY)
        self.trigger.kill(process, moment, self.rng.uniform(0, LONGEST_LIFE_S) if by_chance else 2 * LONGEST_LIFE_S)
        if self.home.ledger_file.exists():
            self._look()

    def _next_moment(self) -> str:
        """All moments come in turn, each time in another order."""
        if not self._moments:
            self._moments = self.rng.sample(MOMENTS, len(MOMENTS))
        return self._moments.pop()

    def _look(self) -> None:
        wait_until(lambda: not self.told.on_their_way, "a connection has outlived its process")
        remains = post_mortem.remains_of(self.home.ledger_file)
        unanswered = set(self.trigger.unanswered) - self.told.acknowledged
        at_s = self.trigger.killed_at_s
        windows = post_mortem.windows_of(remains, unanswered, self.flokit, at_s, self.doubted)
        self.verdict.windows.update(windows or {post_mortem.NOTHING})
        self.verdict.count(kills=1, events_in_doubt_after_a_kill=len(remains.in_doubt.keys() - self.doubted.keys()))
        self.doubted |= remains.in_doubt

    def the_last_lives_on(self) -> None:
        """A process that finishes everything, and stops when it is told to."""
        self.home.environment = {**self.home.environment, **WITHOUT_LIMIT}
        with self.home.running() as process, self.home.ledger() as ledger:
            self.told.finish()
            wait_until(lambda: at_rest(ledger), "after the last start not everything was sent")
            self.verdict.memory("kills", process.peak_memory_mb())

    def judge(self, truth: StoryTruth) -> None:
        """Compare what there is with what ought to be."""
        with self.home.ledger() as ledger:
            Delivered(ledger, self.flokit, truth.of(self.told.told), self.doubted).judge(self.verdict)
        acknowledged = {webhook for life in self.told.told for webhook in life.webhooks}
        self.verdict.expect(self.told.acknowledged == acknowledged, "a life was not told to its end")
        self.verdict.expect(not self.told.strange, f"good webhooks were answered {self.told.strange}")
        self.verdict.count(webhooks_sent=self.told.sent, webhooks_acknowledged=self.told.answered_200)
