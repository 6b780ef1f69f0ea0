"""What an App Store Server API key adds to the facts."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from apple_store import BEGINNING_MS, PRO, TEAM, WHO, AppStore, api_at, signed
from golden import MAPPINGS, NOW_MS
from test_apple_facts_golden import RECEIVER, SIGNER

from bridge.ledger.sqlite import SqliteLedger
from bridge.mapping.loading import load
from bridge.pipeline import Interpreter, Pipeline
from bridge.sources.apple.api import AppleApi
from bridge.sources.apple.source import AppleSource
from bridge.sources.apple.vocabulary import VOCABULARY
from bridge.standins.clock import MovableClock
from bridge.standins.server import running
from bridge.stories.apple_notifications import sealed
from bridge.stories.apple_subscriber import MONTH_MS, WEEK_MS
from bridge.values.records import Document, Outcome
from bridge.values.times import HOUR_MS, SECOND_MS


@pytest.fixture
def store() -> AppStore:
    return AppStore()


@pytest.fixture
def api(store: AppStore) -> Iterator[AppleApi]:
    with running(store.app) as url, closing(api_at(url)) as api:
        yield api


@dataclass
class Rig:
    """The pipeline over a ledger of its own, with the API behind it."""

    ledger: SqliteLedger
    pipeline: Pipeline
    clock: MovableClock

    def take(self, document: Document) -> None:
        self.ledger.keep([RECEIVER.verify({}, sealed(SIGNER, document), NOW_MS)])
        self.map()

    def map(self) -> None:
        while self.pipeline.step():
            pass

    @property
    def events(self) -> dict[str, tuple[str, Decimal | None]]:
        return {event.key: (event.name, event.revenue) for event in self.ledger.events(100)}


@pytest.fixture
def rig(api: AppleApi, tmp_path: Path) -> Iterator[Rig]:
    clock = MovableClock(NOW_MS)
    with closing(SqliteLedger.open(tmp_path / "bridge.sqlite")) as ledger:
        apple = Interpreter(AppleSource(api), load(MAPPINGS, "apple", VOCABULARY))
        yield Rig(ledger, Pipeline(ledger, apple, clock, _silent), clock)


def test_a_conversion_whose_trial_was_never_heard_of(rig: Rig, store: AppStore) -> None:
    paid = WHO.transaction(1, PRO, BEGINNING_MS + WEEK_MS)
    store.history = [signed(WHO.trial(PRO, WEEK_MS)), signed(paid)]

    rig.take(_renewal(paid))

    assert rig.events == {paid["transactionId"]: ("subscription_started", Decimal("9.99"))}


def test_a_renewal_of_a_subscription_never_heard_of(rig: Rig, store: AppStore) -> None:
    months = [WHO.transaction(n, PRO, BEGINNING_MS + n * MONTH_MS) for n in range(3)]
    store.history = [signed(month) for month in months]

    rig.take(_renewal(months[2]))

    assert rig.events == {months[2]["transactionId"]: ("renewal_completed", Decimal("9.99"))}


def test_what_memory_knows_is_not_asked(rig: Rig, store: AppStore) -> None:
    first = WHO.transaction(0, PRO, BEGINNING_MS)
    rig.take(WHO.notify("SUBSCRIBED", BEGINNING_MS + SECOND_MS, first, subtype="INITIAL_BUY"))
    rig.take(_renewal(WHO.transaction(1, PRO, BEGINNING_MS + MONTH_MS)))

    assert len(rig.events) == 2
    assert store.asked == []


@pytest.mark.parametrize("known", [True, False])
def test_the_refund_of_an_upgrade_is_exact_where_apple_names_its_share(rig: Rig, store: AppStore, known: bool) -> None:
    old, new = _upgraded()
    if known:
        rig.take(WHO.notify("SUBSCRIBED", BEGINNING_MS + SECOND_MS, old, subtype="INITIAL_BUY"))
    at_ms = new["purchaseDate"]
    told = {"revocationDate": at_ms, "revocationType": "REFUND_PRORATED", "revocationPercentage": 48_000}
    store.history = [signed(old | told | {"isUpgraded": True}), signed(new)]

    rig.take(_upgrade(new))

    refunds = {key: event for key, event in rig.events.items() if "refund" in key}
    key = f"{old['transactionId']}:refund_issued:{at_ms}"
    assert refunds == {key: ("refund_issued", Decimal("-4.795"))}, "48 % of 9.99, to the thousandth"
    assert rig.events[new["transactionId"]] == ("renewal_completed", Decimal("29.99"))


def test_the_refund_of_an_upgrade_is_an_estimate_where_apple_names_none(rig: Rig, store: AppStore) -> None:
    old, new = _upgraded()
    store.history = [signed(old | {"isUpgraded": True}), signed(new)]

    rig.take(_upgrade(new))

    key = f"{old['transactionId']}:refund_issued:upgrade-{new['transactionId']}"
    assert rig.events[key] == ("refund_issued", Decimal("-4.995"))


def test_it_waits_while_apple_does_not_answer_and_loses_nothing(rig: Rig, store: AppStore) -> None:
    paid = WHO.transaction(1, PRO, BEGINNING_MS + WEEK_MS)
    store.history, store.status = [signed(WHO.trial(PRO, WEEK_MS))], 500
    rig.take(_renewal(paid))
    assert rig.events == {}
    kept = rig.ledger.kept(1)
    assert kept is not None
    assert kept.waiting_for == "Apple: the App Store Server API to answer again (500)"

    store.status = 200
    rig.clock.now_ms += HOUR_MS
    rig.map()

    assert rig.events == {paid["transactionId"]: ("subscription_started", Decimal("9.99"))}


def test_a_replay_asks_nothing_again(rig: Rig, store: AppStore) -> None:
    paid = WHO.transaction(1, PRO, BEGINNING_MS + WEEK_MS)
    store.history = [signed(WHO.trial(PRO, WEEK_MS))]
    rig.take(_renewal(paid))
    before = rig.events

    rig.ledger.reopen([1])
    rig.map()

    assert rig.events == before
    assert len(store.asked) == 1
    assert rig.ledger.find(outcomes=[Outcome.MAPPED]) == [1]


def _renewal(transaction: Document) -> Document:
    return WHO.notify("DID_RENEW", transaction["purchaseDate"] - HOUR_MS, transaction)


def _upgraded() -> tuple[Document, Document]:
    """The old period and the new one, which began in its middle."""
    middle_ms = BEGINNING_MS + MONTH_MS // 2
    new = WHO.transaction(1, TEAM, middle_ms, transactionReason="PURCHASE")
    return WHO.transaction(0, PRO, BEGINNING_MS), new


def _upgrade(new: Document) -> Document:
    return WHO.notify("DID_CHANGE_RENEWAL_PREF", new["purchaseDate"] + SECOND_MS, new, subtype="UPGRADE")


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
