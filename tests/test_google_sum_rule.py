"""The sum rule: for every order the revenue of all its events adds up to the money kept, whatever the order of arrival,
however late Google is asked, however often a notification comes, and also for refunds that Google never tells of."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from golden import MAPPINGS, NOW_MS, GoldenSource
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_golden_google import PACKAGE, Google

from bridge.errors import NeedsKeys
from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.mapping.loading import load
from bridge.pipeline import Interpreter, Pipeline
from bridge.reread import AGES_DAYS, Rereading
from bridge.standins.google_life import EXPIRED, IN_GRACE_PERIOD, ON_HOLD, RECOVERED, RENEWED, REVOKED, Life, Plan
from bridge.standins.google_play import Play, amount
from bridge.standins.server import running
from bridge.values.records import Document, Environment, Notification, Outcome
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS

PLANS = (
    Plan("pro", "monthly", Decimal("16.99"), "EUR", tax=Decimal("2.71")),
    Plan("pro", "weekly", Decimal("4.50"), "EUR", tax=Decimal("0.72"), period_ms=7 * DAY_MS),
    Plan("pro", "monthly", Decimal("9.99"), "USD", trial_ms=7 * DAY_MS, offer_id="free-week"),
    Plan("team", "monthly", Decimal(1980), "JPY", tax=Decimal(180)),
)


@dataclass
class World:
    """One customer at the stand-in Google, and what Google has published about him so far."""

    google: Google
    rng: Random
    lives: list[Life] = field(default_factory=list)
    published: list[Document] = field(default_factory=list)

    @property
    def life(self) -> Life:
        """The purchase that goes on."""
        return self.lives[-1]

    @property
    def orders(self) -> list[Document]:
        """All orders of all purchases."""
        return list(self.google.standin.play.orders.values())

    def begin(self, plan: Plan) -> None:
        """A first purchase, or a change of plan."""
        token, replaced = f"token-{len(self.lives)}", self.lives[-1] if self.lives else None
        self.lives.append(Life(self.google.standin.play, PACKAGE, token, plan, account="user-1"))
        self.published.append(self.life.buy(replaced))
        if replaced:
            self.published.append(replaced.notice(EXPIRED))

    def step(self) -> None:
        """Something that happens."""
        self.rng.choice((self._renew, self._renew, self._renew_late, self._part_back, self._change, self._toggle))()

    def end(self) -> None:
        """All is given back and access goes; or it simply runs out."""
        if self.rng.random() < 0.5:
            self.published.append(self.life.end())
            return
        self.life.refund()
        self.published += [self.life.end(number=REVOKED), self.life.void()]

    def _renew(self) -> None:
        self._pass(self.life.plan.period_ms)
        self.published.append(self.life.renew())

    def _renew_late(self) -> None:
        self._pass(self.life.plan.period_ms)
        number = self.rng.choice((IN_GRACE_PERIOD, ON_HOLD))
        until_ms = self.google.clock() + (3 * DAY_MS if number == IN_GRACE_PERIOD else 0)
        self.published.append(self.life.decline(number, until_ms))
        self._pass(2 * DAY_MS)
        self.published.append(self.life.renew(RENEWED if number == IN_GRACE_PERIOD else RECOVERED))

    def _part_back(self) -> None:
        """Money alone: nothing is published."""
        order = self.google.standin.play.orders[PACKAGE, self.life.orders[-1]]
        left = amount(order["total"]) - sum(_parts_of(order), Decimal(0))
        if left > 1:
            self._pass(HOUR_MS)
            self.life.refund(Decimal(1), order["orderId"])

    def _change(self) -> None:
        self._pass(DAY_MS)
        self.begin(self.rng.choice(PLANS))

    def _toggle(self) -> None:
        self._pass(DAY_MS)
        self.published.append(self.life.cancel())
        self._pass(HOUR_MS)
        self.published.append(self.life.restart())

    def _pass(self, by_ms: int) -> None:
        self.google.clock.advance(by_ms + self.rng.randint(0, MINUTE_MS))


@pytest.fixture(scope="module")
def google(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Google, GoldenSource]]:
    google = Google(tmp_path_factory.mktemp("google"))
    with running(google.standin.app) as url:
        source, api = google.source(url)
        with closing(api):
            yield google, source


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), steps=st.integers(0, 8))
def test_events_add_up_to_the_money_kept(google: tuple[Google, GoldenSource], seed: int, steps: int) -> None:
    rng = Random(seed)
    google[0].clock.now_ms = NOW_MS
    google[0].standin.play = Play(google[0].clock)
    world = World(google[0], rng)
    with TemporaryDirectory(prefix="sum-rule-") as folder:
        events = _lived_through(world, google[1], steps, Path(folder) / "bridge.sqlite")

    assert len({event.key for event in events}) == len(events)
    for order in world.orders:
        assert _kept(events, order["orderId"]) == _kept_in_truth(order), order["orderId"]


def _lived_through(world: World, source: GoldenSource, steps: int, path: Path) -> Sequence[Entered]:
    """What Google publishes arrives now or much later, in any order, some of it twice; the process starts anew now and
    then. In the end booked orders are looked at again at all ages."""
    world.begin(world.rng.choice(PLANS))
    arrivals = list(_with_repeats(world.published, world.rng))
    for number in range(steps):
        world.published = []
        world.end() if number == steps - 1 and world.rng.random() < 0.5 else world.step()
        arrivals += _with_repeats(world.published, world.rng)
        if world.rng.random() < 0.5:
            world.rng.shuffle(arrivals)
            _process(path, world, source, [arrivals.pop() for _ in range(world.rng.randint(0, len(arrivals)))])
    world.rng.shuffle(arrivals)
    _process(path, world, source, arrivals)
    world.google.clock.advance((max(AGES_DAYS) + 1) * DAY_MS)
    return _process(path, world, source, [])


def _process(path: Path, world: World, source: GoldenSource, batch: list[Document]) -> Sequence[Entered]:
    """One process's life: it keeps a batch, looks at booked orders that are due, and maps all there is to map."""
    clock = world.google.clock
    with closing(SqliteLedger.open(path)) as ledger:
        ledger.keep([_proven(source, document, clock()) for document in batch])
        interpreter = Interpreter(source.source, load(MAPPINGS, "google", source.vocabulary))
        pipeline = Pipeline(ledger, interpreter, clock, _silent)
        rereading = Rereading(ledger, clock, _silent)
        while pipeline.step(limit=3) or rereading.step(limit=10_000):
            pass
        assert not ledger.find(outcomes=[Outcome.FAILED, Outcome.UNMAPPED])
        assert ledger.next_due_ms("google") is None
        return ledger.events(10_000)


def _proven(source: GoldenSource, document: Document, now_ms: int) -> Notification:
    headers, body = source.seal(document, now_ms)
    headers = {name.lower(): value for name, value in headers.items()}
    try:
        return source.receiver.verify(headers, body, now_ms)
    except NeedsKeys as need:
        need.fetch()
        return source.receiver.verify(headers, body, now_ms)


def _with_repeats(documents: list[Document], rng: Random) -> Iterator[Document]:
    for document in documents:
        yield document
        if rng.random() < 0.3:
            yield document


def _kept(events: Sequence[Entered], order_id: str) -> Counter[Decimal]:
    """What moved for one order, by its events."""
    return Counter(
        event.revenue
        for event in events
        if event.revenue is not None
        and event.environment is Environment.PRODUCTION
        and event.key.partition(":")[0] == order_id
    )


def _kept_in_truth(order: Document) -> Counter[Decimal]:
    total = amount(order["total"])
    if order["state"] not in ("PROCESSED", "PARTIALLY_REFUNDED", "REFUNDED") or not total:
        return Counter()
    parts = _parts_of(order)
    rest = [total - sum(parts, Decimal(0))] if order["state"] == "REFUNDED" else []
    return Counter([total, *(-part for part in [*parts, *rest] if part)])


def _parts_of(order: Document) -> list[Decimal]:
    events = order["orderHistory"].get("partialRefundEvents", [])
    return [amount(event["refundDetails"]["total"]) for event in events]


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
