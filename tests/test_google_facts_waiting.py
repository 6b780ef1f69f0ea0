"""What waits for Google, for how long, and what becomes of it then; and orders that are looked at again."""

from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from golden import MAPPINGS, GoldenRig, GoldenSource, Stages, mapping_of, stages
from test_golden_google import PACKAGE, Google

from bridge.ledger.sqlite import SqliteLedger
from bridge.mapping.loading import load
from bridge.memory import Note, page_of
from bridge.pipeline import Interpreter, Pipeline
from bridge.reread import Rereading
from bridge.sources.google.source import GoogleSource
from bridge.sources.google.vocabulary import VOCABULARY
from bridge.standins.google_life import RENEWED, REVOKED, Life, Plan
from bridge.standins.google_play import Play
from bridge.standins.server import running
from bridge.standins.troubles import Answer
from bridge.values.records import Document, Environment, Notification
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS

PLAN = Plan("pro", "monthly", Decimal("16.99"), "EUR", tax=Decimal("2.71"))


class World:
    """The whole bridge with one subscription at the stand-in Google, on one clock."""

    def __init__(self, google: Google, rig: GoldenRig) -> None:
        self.google = google
        self.rig = rig
        self.clock = google.clock
        self.life = Life(google.standin.play, PACKAGE, "token-1", PLAN, account="user-1")
        self.rereading = Rereading(rig.ledger, self.clock, _silent)

    def post(self, document: Document) -> None:
        assert self.rig.post(document).status_code == 200
        self.rig.settle()

    def settle_after(self, pause_ms: int) -> None:
        """Let time pass, and do all there is to do."""
        self.clock.advance(pause_ms)
        self.rig.settle()

    def reread_after(self, pause_ms: int) -> None:
        """The same, with the booked orders that are to be looked at again by then."""
        self.clock.advance(pause_ms)
        while self.rereading.step(10_000):
            pass
        self.rig.settle()

    @property
    def rules(self) -> list[str]:
        """The rules taken so far."""
        return [finding["rule"] for finding in self.rig.findings()]

    @property
    def waiting_for(self) -> str:
        """What the newest notification waits for; empty when it does not wait."""
        kept = self.rig.ledger.kept(self.rig.ledger.find()[-1])
        assert kept
        return kept.waiting_for

    @property
    def events(self) -> list[tuple[str, Any]]:
        """Key and revenue of each event, in order of entry."""
        return [(event.key, event.revenue) for event in reversed(self.rig.ledger.events(1_000))]


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Google, GoldenSource, Stages]]:
    for stage in stages():
        google = Google(tmp_path_factory.mktemp("google"), stage.clock)
        with running(google.standin.app) as url:
            source, api = google.source(url)
            with closing(api):
                yield google, source, stage


@pytest.fixture
def world(outside: tuple[Google, GoldenSource, Stages], tmp_path: Path) -> Iterator[World]:
    google, source, stage = outside
    google.standin.play = Play(stage.clock)
    google.standin.troubles.clear()
    rig = GoldenRig(tmp_path, stage, source, mapping_of(source, MAPPINGS))
    with closing(rig.ledger):
        world = World(google, rig)
        world.rereading.step()
        yield world


def test_without_a_service_account_it_waits_and_says_so(tmp_path: Path) -> None:
    interpreter = Interpreter(GoogleSource(packages=[PACKAGE]), load(MAPPINGS, "google", VOCABULARY))
    with closing(SqliteLedger.open(tmp_path / "bridge.sqlite")) as ledger:
        ledger.keep([_renewed()])
        Pipeline(ledger, interpreter, lambda: 10 * DAY_MS, _silent).step()
        kept = ledger.kept(1)

    assert kept
    assert kept.outcome is None
    assert kept.waiting_for == "Google: a service account; none is configured (GOOGLE_APPLICATION_CREDENTIALS)"


def test_another_app_is_never_asked_about() -> None:
    source = GoogleSource(packages=["com.example.other"])

    (fact,) = source.state(_renewed(), Note(page_of({}, "google"), "google"), {})

    assert fact["fact"] == "foreign_package"


def test_new_rights_are_waited_for(world: World) -> None:
    notice = world.life.buy()
    world.google.standin.troubles["play"].append(Answer(403, body=b'{"error": {"status": "PERMISSION_DENIED"}}'))
    world.post(notice)
    assert "rights may take up to 48 hours" in world.waiting_for

    world.settle_after(HOUR_MS)

    assert world.rules == ["first paid period"]


def test_a_charge_that_google_has_told_of_and_does_not_show_yet(world: World) -> None:
    world.post(world.life.buy())
    world.clock.advance(PLAN.period_ms)
    world.post(world.life.notice(RENEWED))
    assert world.waiting_for == "Google: its Play Developer API to show the charge that it has told of"

    world.life.renew()
    world.settle_after(MINUTE_MS)

    base = world.life.orders[0]
    assert world.events == [(base, Decimal("16.99")), (f"{base}..0", Decimal("16.99"))]


def test_a_charge_that_is_never_shown_is_not_invented(world: World) -> None:
    world.post(world.life.buy())
    world.clock.advance(PLAN.period_ms)
    world.post(world.life.notice(RENEWED))

    for _ in range(5):
        world.settle_after(HOUR_MS)

    assert world.waiting_for == ""
    assert world.events == [(world.life.orders[0], Decimal("16.99"))]


def test_an_order_that_does_not_show_its_refund_yet(world: World) -> None:
    world.post(world.life.buy())
    world.clock.advance(DAY_MS)
    world.post(world.life.void())
    order = world.life.orders[0]
    assert world.waiting_for == f"Google: the order {order} to show its refund"

    world.life.refund(Decimal(5))
    world.settle_after(MINUTE_MS)

    assert [revenue for _, revenue in world.events] == [Decimal("16.99"), Decimal(-5)]


def test_an_order_that_never_shows_its_refund_is_taken_back_once(world: World) -> None:
    world.post(world.life.buy())
    world.clock.advance(DAY_MS)
    world.post(world.life.void())
    for _ in range(10):
        world.settle_after(HOUR_MS)
    world.life.refund()
    world.post(world.life.end(number=REVOKED))

    assert world.events[:2] == [
        (world.life.orders[0], Decimal("16.99")),
        (f"{world.life.orders[0]}:refund_issued:full", Decimal("-16.99")),
    ]
    assert sum(revenue for _, revenue in world.events if revenue) == 0


def test_money_given_back_in_silence_is_found(world: World) -> None:
    world.post(world.life.buy())
    world.clock.advance(4 * HOUR_MS)
    world.life.refund(Decimal("3.50"))

    world.reread_after(2 * DAY_MS)

    assert world.rules == ["first paid period", *["refund", "orders looked at again"] * 2]
    assert [revenue for _, revenue in world.events] == [Decimal("16.99"), Decimal("-3.50")]
    event = world.rig.ledger.events(1)[0]
    assert b'"user_id":"user-1"' in event.body
    assert b'"notification_type":"BRIDGE_ORDERS_REREAD"' in event.body


def test_orders_without_a_refund_leave_nothing_behind(world: World) -> None:
    world.post(world.life.buy())

    world.reread_after(DAY_MS)

    assert world.rules == ["first paid period", "orders looked at again"]
    assert len(world.events) == 1


def test_what_became_due_while_the_bridge_was_down_is_made_up_for(world: World) -> None:
    world.post(world.life.buy())
    world.life.refund(Decimal(1))

    world.reread_after(200 * DAY_MS)

    assert [revenue for _, revenue in world.events] == [Decimal("16.99"), Decimal(-1)]


def test_licence_testers_are_not_looked_at_again(world: World) -> None:
    world.life.is_test = True
    world.post(world.life.buy())

    world.reread_after(2 * DAY_MS)

    assert world.rules == ["first paid period"]
    assert [event.environment for event in world.rig.ledger.events(10)] == [Environment.SANDBOX]


def _renewed() -> Notification:
    body = (
        b'{"version":"1.0","packageName":"com.example.app","eventTimeMillis":"1",'
        b'"subscriptionNotification":{"notificationType":2,"purchaseToken":"t"}}'
    )
    return Notification("google", "1", "SUBSCRIPTION_RENEWED", Environment.UNKNOWN, 1, 1, body)


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
