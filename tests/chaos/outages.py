"""Scenario: FloKit is away for days, in every manner there is, while webhooks go on; then it comes back."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

from bridge.standins.troubles import Answer, CutOff, Hang, Trouble
from bridge.values.records import Environment
from bridge.values.times import HOUR_MS, SECOND_MS, system_clock

from .clock import SharedClock
from .delivered import Delivered
from .lives import Life, Webhook
from .process import Home, Process
from .senders import Post
from .stores import open_stores
from .truth import EVERYTHING, StoryTruth, at_rest, wait_until
from .verdict import Verdict
from .witness import Witness

REFUSES = None
Weather = Trouble | None
"""How FloKit is away; REFUSES: nobody listens at its address."""

AWAY: Sequence[Weather] = (
    REFUSES,
    REFUSES,
    CutOff(),
    Answer(408),
    Answer(429),
    Answer(500),
    Answer(502, body=b"<html>Bad gateway</html>"),
    Answer(503, {"Retry-After": "3600"}),
    Answer(503, {"Retry-After": formatdate(system_clock() / SECOND_MS + 86_400, usegmt=True)}),
    Answer(504),
    Answer(200, body=b"<html>Down for maintenance</html>"),
    Answer(200),
)
LOSES_ANSWERS = CutOff(stores=True)
LOST_FOR_HOURS = 20  # FloKit knows an Idempotency-Key for 24
RESTARTS = 0.1  # of all hours
AFTERWARDS_TIMES = 300.0  # as fast as the clock on the wall: pauses and the limit on requests are minutes


def run(rng: random.Random, folder: Path, truth: StoryTruth, customers: int, days: int, *, patient: bool) -> Verdict:
    """So many customers' lives during an outage of days. `patient`: FloKit also hangs, half a minute each time."""
    clock = SharedClock.create(folder / "clock", system_clock())
    lives, flokit = truth.lives(rng, customers), Witness(clock, requests_per_minute=100)
    with open_stores(folder, lives, clock, over=True) as stores, Door(flokit) as door:
        home = Home(folder, {**stores.environment, **door.settings}, clock)
        outage = Outage(rng, home, door, Post(stores, lambda: home.url, clock), clock)
        with outage.post.http:
            outage.last(lives, list(weathers(rng, days * 24, patient=patient)))
        with home.ledger() as ledger:
            Delivered(ledger, flokit, truth.of(lives), outage.doubted).judge(outage.verdict)
    return outage.verdict


def weathers(rng: random.Random, hours: int, *, patient: bool) -> Iterator[Weather]:
    """The weather of each hour: some hours of the same, then another; lost answers at the end."""
    choice = [*AWAY, Hang()] if patient else AWAY
    left = hours - LOST_FOR_HOURS
    while left > 0:
        weather = rng.choice(choice)
        length = 1 if isinstance(weather, Hang) else min(rng.randint(1, 12), left)
        yield from [weather] * length
        left -= length
    yield from [LOSES_ANSWERS] * LOST_FOR_HOURS


class Door:
    """FloKit's address: there while it is open."""

    def __init__(self, flokit: Witness) -> None:
        self.flokit = flokit
        self._open = ExitStack()
        self.settings: Mapping[str, str] = {}

    def __enter__(self) -> "Door":
        self.settings = self._open.enter_context(self.flokit.serving())
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def meets(self, weather: Weather) -> None:
        """From now on FloKit is away like this."""
        self._open.close()
        if weather is not REFUSES:
            self._serve(weather)

    def comes_back(self) -> None:
        """From now on FloKit is as its documentation says."""
        self._open.close()
        self._serve(None)

    def _serve(self, trouble: Trouble | None) -> None:
        self.flokit.weather = trouble
        port = urlsplit(self.settings["FLOKIT_API_URL"]).port or 0
        self._open.enter_context(self.flokit.serving(port))


@dataclass
class Outage:
    """The outage of one round. `doubted` are the keys of the events that were ever in doubt."""

    rng: random.Random
    home: Home
    door: Door
    post: Post
    clock: SharedClock
    verdict: Verdict = field(default_factory=Verdict)
    doubted: set[str] = field(default_factory=set)

    def last(self, lives: Sequence[Life], hours: Sequence[Weather]) -> None:
        """Go through the hours, with a share of the webhooks in each; then FloKit comes back."""
        webhooks = _in_turn(lives)
        process = self._started()
        try:
            for number, weather in enumerate(hours):
                if number == 0 or weather is not hours[number - 1]:
                    self.door.meets(weather)
                self._hour(webhooks[_share(number, len(hours), len(webhooks))])
                if self.rng.random() < RESTARTS:
                    process.kill()
                    process = self._started()
                    self.verdict.count(kills=1)
            self._come_back(process)
        finally:
            process.kill()

    def _started(self) -> Process:
        process = self.home.spawn()
        process.must_be_ready()
        return process

    def _hour(self, webhooks: Sequence[Webhook]) -> None:
        for webhook in webhooks:
            self.clock.advance(HOUR_MS // len(webhooks))
            status = self.post.once(webhook)
            self.verdict.expect(status == 200, f"while FloKit is away {webhook} was answered {status}")
            self.verdict.count(webhooks_sent=1, webhooks_acknowledged=status == 200)
        with self.home.ledger() as ledger:
            wait_until(lambda: at_rest(ledger, delivered=False), "webhooks are not mapped while FloKit is away")
            ready = ledger.ready(Environment.PRODUCTION, self.clock() + 2 * HOUR_MS, EVERYTHING)
        self.doubted |= {event.key for event in ready if event.in_doubt}

    def _come_back(self, process: Process) -> None:
        self.door.comes_back()
        with self.home.ledger() as ledger, self.clock.running(AFTERWARDS_TIMES):
            wait_until(lambda: at_rest(ledger), "FloKit is back, and not everything is sent")
        self.verdict.memory("outages", process.peak_memory_mb())
        process.stop()


def _in_turn(lives: Sequence[Life]) -> list[Webhook]:
    """The lives' webhooks, one of each life at a time."""
    longest = max(len(life.webhooks) for life in lives)
    return [life.webhooks[number] for number in range(longest) for life in lives if number < len(life.webhooks)]


def _share(hour: int, hours: int, count: int) -> slice:
    """What falls to an hour of so many, when `count` are spread evenly over all of them."""
    return slice(hour * count // hours, (hour + 1) * count // hours)
