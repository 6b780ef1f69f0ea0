"""The sum rule: for every sale the revenue of all its events adds up to the money kept, whatever the order of arrival,
however often each webhook comes, and however often what is kept is mapped again."""

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from golden import MAPPINGS, NOW_MS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stripe_lives import lives
from stripe_sale import Sale

from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.mapping.loading import load
from bridge.pipeline import Interpreter, Pipeline
from bridge.sources.stripe.receive import StripeReceiver
from bridge.sources.stripe.source import StripeSource
from bridge.sources.stripe.vocabulary import VOCABULARY
from bridge.stories.stripe_signing import sign
from bridge.values import jsontext
from bridge.values.records import Document, Notification, Outcome

SECRET = "whsec_for_the_sum_rule_0123456789"
RECEIVER = StripeReceiver([SECRET])
STRIPE = Interpreter(StripeSource(), load(MAPPINGS, "stripe", VOCABULARY))


TOLD = frozenset({"charge", "refund", "both"})

randoms = st.randoms(use_true_random=False)
thorough = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@thorough
@given(life=lives(TOLD), rng=randoms)
def test_events_add_up_to_the_money_kept_in_any_order(life: list[Sale], rng: Random) -> None:
    arrivals = list(_with_repeats(_told(life), rng))
    rng.shuffle(arrivals)

    _check(life, _lived_through(arrivals, rng))


@settings(thorough, max_examples=40)
@given(life=lives(frozenset({"charge and failures"})), rng=randoms)
def test_failures_told_of_steps_alone_add_up_in_the_order_of_happening(life: list[Sale], rng: Random) -> None:
    """A refund after a failed one repeats a step of the cumulative amount: that it is another one shows only once the
    failure is known."""
    in_order = sorted(_told(life), key=lambda event: event["created"])

    _check(life, _lived_through(list(_with_repeats(in_order, rng)), rng))


def _check(life: list[Sale], events: list[Entered]) -> None:
    assert len({event.key for event in events}) == len(events)
    for sale in life:
        assert _amounts(events, sale) == sale.amounts, sale.name
    assert _kept_by_currency(events) == _kept_in_truth(life)


def _told(life: list[Sale]) -> list[Document]:
    return [event for sale in life for event in sale.told]


def _lived_through(arrivals: list[Document], rng: Random) -> list[Entered]:
    """Everything arrives in batches; now and then some of it is mapped again, and at the end all of it. Each batch is
    a process of its own, which knows nothing but what is in the file."""
    with TemporaryDirectory(prefix="sum-rule-") as folder:
        path = Path(folder) / "bridge.sqlite"
        while arrivals:
            size = rng.randint(1, 12)
            batch, arrivals = arrivals[:size], arrivals[size:]
            _process(path, batch, replay=rng.sample(range(1, 40), 5) if rng.random() < 0.3 else [])
        return _process(path, [], replay=list(range(1, 1_000)))


def _process(path: Path, batch: list[Document], replay: list[int]) -> list[Entered]:
    """One process's life: it keeps a batch, perhaps reopens some of what is settled, and maps all there is to map."""
    ledger = SqliteLedger.open(path)
    try:
        if batch:
            ledger.keep([_proven(document) for document in batch])
        pipeline = Pipeline(ledger, STRIPE, lambda: NOW_MS, _silent)
        while pipeline.step(limit=5):
            pass
        if ledger.reopen(replay):
            while pipeline.step():
                pass
        assert not ledger.find(outcomes=[Outcome.FAILED, Outcome.UNMAPPED])
        return ledger.events(1_000)
    finally:
        ledger.close()


def _with_repeats(events: list[Document], rng: Random) -> Iterator[Document]:
    """Stripe sends an event again, and sometimes makes two events of one fact."""
    for event in events:
        yield event
        if rng.random() < 0.3:
            yield event
        if rng.random() < 0.2:
            yield event | {"id": event["id"] + "b"}


def _proven(document: Document) -> Notification:
    body = jsontext.dumps(document)
    return RECEIVER.verify(sign(body, SECRET, NOW_MS), body, NOW_MS)


def _amounts(events: list[Entered], sale: Sale) -> Counter[Decimal]:
    """What moved for one sale, by its events."""
    return Counter(
        event.revenue
        for event in events
        if event.revenue is not None and event.key.partition(":")[0] in sale.transactions
    )


def _kept_by_currency(events: list[Entered]) -> Counter[str]:
    kept: Counter[str] = Counter()
    for event in events:
        if event.revenue is not None and event.currency:
            kept[event.currency] += event.revenue  # type: ignore[assignment]  # a Counter may hold decimals
    return kept


def _kept_in_truth(life: list[Sale]) -> Counter[str]:
    kept: Counter[str] = Counter()
    for sale in life:
        for amount, times in sale.amounts.items():
            kept[sale.currency.upper()] += amount * times  # type: ignore[assignment]  # as above
    return kept


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
