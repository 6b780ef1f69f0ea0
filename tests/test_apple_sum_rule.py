"""The sum rule: for every transaction the revenue of all its events adds up to the money kept, whatever the order of
arrival, however often each notification comes, and however often what is kept is mapped again."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from apple_lives import Life, lives
from golden import MAPPINGS, NOW_MS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_apple_facts_golden import RECEIVER, SIGNER

from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.mapping.loading import load
from bridge.pipeline import Interpreter, Pipeline
from bridge.sources.apple.source import AppleSource
from bridge.sources.apple.vocabulary import VOCABULARY
from bridge.stories.apple_notifications import sealed
from bridge.values import jsontext
from bridge.values.records import Document, Outcome

APPLE = Interpreter(AppleSource(), load(MAPPINGS, "apple", VOCABULARY))
EVERYTHING = range(1, 1_000)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(found=lives(), rng=st.randoms(use_true_random=False))
def test_events_add_up_to_the_money_kept(found: list[Life], rng: Random) -> None:
    events = _lived_through(found, rng)

    assert len({event.key for event in events}) == len(events)
    for life in found:
        assert _by_transaction(events, life) == life.kept_in_major_units


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(found=lives())
def test_in_order_each_paid_life_begins_once(found: list[Life]) -> None:
    with TemporaryDirectory(prefix="sum-rule-") as folder:
        in_order = sorted((told for life in found for told in life.told), key=lambda told: told["signedDate"])
        events = _process(Path(folder) / "bridge.sqlite", in_order, [])

    for life in found:
        sales = {event.key: event.name for event in events if event.key in life.kept}
        starts = [key for key, name in sales.items() if name == "subscription_started"]
        assert starts == sorted(sales)[:1], "the first paid period is the start, and no other is"


def _lived_through(found: list[Life], rng: Random) -> list[Entered]:
    """Everything arrives in a random order, some of it again, in batches; now and then the process starts anew, and at
    the end all that is kept is mapped again."""
    arrivals = list(_with_repeats([told for life in found for told in life.told], rng))
    rng.shuffle(arrivals)
    with TemporaryDirectory(prefix="sum-rule-") as folder:
        path = Path(folder) / "bridge.sqlite"
        while arrivals:
            batch = [arrivals.pop() for _ in range(min(len(arrivals), rng.randint(1, 12)))]
            _process(path, batch, rng.sample(range(1, 40), 5) if rng.random() < 0.3 else [])
        return _process(path, [], EVERYTHING)


def _process(path: Path, batch: Iterable[Document], replay: Iterable[int]) -> list[Entered]:
    """One process's life: it keeps a batch, perhaps reopens some of what is settled, and maps all there is to map."""
    ledger = SqliteLedger.open(path)
    try:
        ledger.keep([RECEIVER.verify({}, sealed(SIGNER, document), NOW_MS) for document in batch])
        pipeline = Pipeline(ledger, APPLE, lambda: NOW_MS, _silent)
        while pipeline.step(limit=5):
            pass
        if ledger.reopen(list(replay)):
            while pipeline.step():
                pass
        assert not ledger.find(outcomes=[Outcome.FAILED, Outcome.UNMAPPED])
        return ledger.events(1_000)
    finally:
        ledger.close()


def _with_repeats(told: list[Document], rng: Random) -> Iterator[Document]:
    """Apple sends a notification again, and a fact may be told under a second notificationUUID."""
    for document in told:
        yield document
        if rng.random() < 0.3:
            yield document
        if rng.random() < 0.2:
            yield document | {"notificationUUID": document["notificationUUID"][:-1] + "x"}


def _by_transaction(events: list[Entered], life: Life) -> dict[str, Decimal]:
    """What the events say of each transaction of a life. A trial moves nothing."""
    found: defaultdict[str, Decimal] = defaultdict(Decimal, dict.fromkeys(life.kept, Decimal(0)))
    for event in events:
        ident = jsontext.loads(event.body)["properties"]["transaction_id"]
        if event.revenue is not None and ident in life.kept:
            found[ident] += event.revenue
    return dict(found)


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
