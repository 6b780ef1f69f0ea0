"""What lives must lead to: the events that the same stories give on a bridge that nobody disturbs."""

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.values import jsontext
from bridge.values.records import Environment
from bridge.values.times import DAY_MS, system_clock

from .lives import MOST_LIVES, Life, Webhook, money, story_life
from .process import Home
from .senders import Post
from .stores import SOURCES, open_stores

PATIENCE_S = 60.0
BEGAN_DAYS_AGO = 150  # the stories take less, so they have ended by now
EVERYTHING = 10_000_000


class Fact(NamedTuple):
    """What is compared of an event."""

    name: str
    key: str
    revenue: Decimal | None
    currency: str | None


class Stuck(Exception):
    """The bridge did not come to rest."""


def fact(event: Entered) -> Fact:
    """An event as it is compared."""
    return Fact(event.name, event.key, event.revenue, event.currency)


def at_rest(ledger: SqliteLedger, *, delivered: bool = True) -> bool:
    """Whether everything kept is mapped and, unless `delivered` is False, everything entered is sent."""
    if any(ledger.next_due_ms(source) is not None for source in SOURCES):
        return False
    return not delivered or ledger.next_ready_ms(Environment.PRODUCTION) is None


def wait_until(happened: Callable[[], bool], what: str) -> None:
    """Wait for it. Raises Stuck with `what` after too long."""
    give_up_at = time.monotonic() + PATIENCE_S
    while not happened():
        if time.monotonic() > give_up_at:
            raise Stuck(what)
        time.sleep(0.005)


def undisturbed(folder: Path, lives: Sequence[Life]) -> list[tuple[str, Fact]]:
    """The events, each with its source, of lives told in order, without repeats, each webhook mapped before the next
    one comes. Google shows the end of each life from the beginning on."""
    folder.mkdir(parents=True)
    with open_stores(folder, lives, over=True) as stores:
        home = Home(folder, stores.environment)
        with home.running(), home.ledger() as ledger, (post := Post(stores, lambda: home.url)).http:
            for webhook in (webhook for life in lives for webhook in life.distinct):
                _tell(post, ledger, webhook)
            return [(_source(event), fact(event)) for event in ledger.events(EVERYTHING)]


def _tell(post: Post, ledger: SqliteLedger, webhook: Webhook) -> None:
    status = post.once(webhook)
    assert status == 200, f"an undisturbed bridge answered {status}"
    wait_until(lambda: at_rest(ledger, delivered=False), f"{webhook} was not mapped")


def _source(event: Entered) -> str:
    store: str = jsontext.loads(event.body)["properties"]["store"]
    return store


class StoryTruth:
    """What the sources' stories lead to, once Google shows their end: told in order, one webhook after the other."""

    def __init__(self, folder: Path) -> None:
        self.start_ms = system_clock() - BEGAN_DAYS_AGO * DAY_MS
        self._of_stories = undisturbed(folder, [story_life(source, None, self.start_ms) for source in SOURCES])
        for source in SOURCES:
            self._check_money(source)

    def lives(self, rng: random.Random, count: int) -> list[Life]:
        """Lives of so many customers of each source, who are others each time."""
        first = rng.randrange(MOST_LIVES - count)
        return [story_life(source, first + n, self.start_ms) for n in range(count) for source in SOURCES]

    def of(self, lives: Iterable[Life]) -> list[Fact]:
        """The events of these lives."""
        return [
            fact._replace(key=life.rename(fact.key))
            for life in lives
            for source, fact in self._of_stories
            if source == life.source
        ]

    def _check_money(self, source: str) -> None:
        """The stories say themselves what is kept of the money: nothing of the bridge's is taken on trust."""
        kept: defaultdict[str, Decimal] = defaultdict(Decimal)
        for origin, told in self._of_stories:
            if origin == source and told.currency and told.revenue is not None:
                kept[told.currency] += told.revenue
        said = {currency: totals.kept for currency, totals in money(source, self.start_ms).items()}
        assert kept == said, f"{source}: {dict(kept)} is kept by the events, {said} by the story"
