"""A poorer word that came first and a better one that comes later: in any order, with any repeats, whatever FloKit had
by then, the events of each transaction add up to what is known, each sale is one event, and users are joined once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mapping_examples import HEAD, RULES, TAXONOMY, facts, loaded

from bridge.ledger.base import Failure, Refusal, SentMark
from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Entered
from bridge.pipeline import Interpreter, Pipeline
from bridge.sources.base import Memory
from bridge.values import jsontext
from bridge.values.records import Document, Environment, Notification, Outcome, Ready

NOW_MS = 1_764_000_100_000
EVERYTHING = list(range(1, 1_000))
AMOUNT_MAY_BE_ABSENT = RULES.replace(
    'emit = "subscription_started"', 'emit = "subscription_started"\nwithout = ["revenue", "currency"]'
).replace('emit = "refund_issued"', 'emit = "refund_issued"\nwithout = ["revenue", "currency"]')
USER = {"user_id": "user_42"}


class PlainSource:
    """A source whose notifications hold their facts as the mapping wants them."""

    name = "stripe"
    asks = False

    def state(self, notification: Notification, _memory: Memory, _answers: Mapping[str, Any]) -> Sequence[Document]:
        """The facts."""
        found: list[Document] = jsontext.loads(notification.body)
        return found

    def ask(self, question: str) -> Any:
        """Nothing is ever asked."""
        raise NotImplementedError(question)


def money(amount: str, basis: str = "exact", currency: str = "EUR") -> Document:
    return {"amount": Decimal(amount), "currency": currency, "basis": basis, "source": "invoice.amount_paid"}


def sale(money: Document | None, transaction: str = "in_1", **more: Any) -> Document:
    return facts(**{"money": money, "transaction_id": transaction, "subjects": ["sub_1"], "metadata": None, **more})


def refund(money: Document | None, transaction: str = "in_1", which: str = "re_1", **more: Any) -> Document:
    return sale(money, transaction, type="refund.created", which=which, **more)


@dataclass
class Rig:
    """A real ledger and the real pipeline; what becomes of events at FloKit is written as delivery writes it."""

    folder: Path
    now_ms: int = NOW_MS

    def __post_init__(self) -> None:
        self.ledger = SqliteLedger.open(self.folder / "bridge.sqlite")
        self.load(stripe=HEAD + AMOUNT_MAY_BE_ABSENT)

    def load(self, **files: str) -> None:
        """Another mapping from now on."""
        interpreter = Interpreter(PlainSource(), loaded(self.folder, **files))
        self.pipeline = Pipeline(self.ledger, interpreter, lambda: self.now_ms, _silent)

    def tell(self, *told: Document, id_: str = "") -> int:
        """One notification for each facts document, all mapped together. Gives the seq of the last."""
        for document in told:
            number = len(self.ledger.find()) + 1
            own = {**document, "notification_id": id_ or f"evt_{number}"}
            self.ledger.keep(
                [
                    Notification(
                        "stripe",
                        own["notification_id"],
                        own["type"],
                        Environment(own["environment"]),
                        number,
                        NOW_MS,
                        jsontext.dumps([own]),
                    )
                ]
            )
        self.map()
        return self.ledger.find()[-1]

    def map(self) -> None:
        """Map all there is."""
        self.now_ms += 1
        while self.pipeline.step():
            pass

    def replay(self, seqs: Sequence[int] = tuple(EVERYTHING)) -> None:
        """Map these again."""
        self.ledger.reopen(list(seqs))
        self.map()

    def ready(self) -> list[Ready]:
        """What waits to be sent."""
        return [one for environment in Environment for one in self.ledger.ready(environment, 1 << 60, 1_000)]

    def send(self) -> None:
        """FloKit takes everything."""
        self.ledger.mark([SentMark(one.seq) for one in self.ready()], [], [], self.now_ms)

    def events(self) -> dict[str, Entered]:
        """All events of production."""
        return {one.key: one for one in self.ledger.events(1_000) if one.environment is Environment.PRODUCTION}

    def amounts(self) -> dict[str, tuple[Decimal | None, str | None]]:
        """The same as amounts."""
        return {key: (one.revenue, one.currency) for key, one in sorted(self.events().items())}

    def reasons(self, seq: int) -> str:
        """What the findings of a notification say to people."""
        kept = self.ledger.kept(seq)
        assert kept
        return "; ".join(finding["reason"] for finding in kept.findings)


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    found = Rig(tmp_path)
    yield found
    found.ledger.close()


def body(event: Entered) -> Document:
    document: Document = jsontext.loads(event.body)
    return document


# What was never tried


def test_the_better_word_takes_the_place_of_an_unsent_one(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.tell(sale(money("50", "estimated")))
    rig.tell(sale(money("49.90")))
    assert rig.amounts() == {"in_1": (Decimal("49.90"), "EUR")}
    seq = rig.tell(sale(money("50", "estimated")), sale(None))
    assert rig.amounts() == {"in_1": (Decimal("49.90"), "EUR")}
    assert rig.reasons(seq - 1) == "entered otherwise before: revenue"


def test_a_user_is_better_than_none(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.tell(sale(money("49.90"), metadata=USER))
    document = body(rig.events()["in_1"])
    assert (document["user_id"], document["anonymous_id"]) == ("user_42", "sub_1")
    rig.replay()
    rig.tell(sale(money("49.90"), metadata=USER, country="USA"))
    assert list(rig.events()) == ["in_1"]
    assert body(rig.events()["in_1"]) == document, "a replay keeps the link"


# What FloKit has


@pytest.mark.parametrize(
    ("first", "then", "difference", "reason"),
    [
        (None, money("49.90"), "49.90", "amount_exact"),
        (None, money("50", "estimated"), "50", "amount_estimated"),
        (money("50", "estimated"), money("49.90"), "-0.10", "amount_exact"),
    ],
)
def test_what_is_missing_is_sent_beside_it(
    rig: Rig, first: Document | None, then: Document, difference: str, reason: str
) -> None:
    rig.tell(sale(first))
    rig.send()
    rig.tell(sale(then, metadata=USER))
    rig.replay()
    rig.send()
    rig.replay()
    assert list(rig.amounts()) == ["in_1", "in_1:corrected:1"]
    event = rig.events()["in_1:corrected:1"]
    document = body(event)
    assert (event.revenue, document["event"]) == (Decimal(difference), "revenue_corrected")
    assert (document["user_id"], document["anonymous_id"]) == ("user_42", "sub_1")
    assert document["timestamp"] == body(rig.events()["in_1"])["timestamp"]
    properties = document["properties"]
    assert properties["revenue"] == Decimal(difference)
    assert (properties["corrects"], properties["correction_reason"]) == ("in_1", reason)
    assert properties["transaction_id"] == "in_1"


def test_a_refund_is_corrected_downwards(rig: Rig) -> None:
    rig.tell(refund(None))
    rig.tell(sale(money("49.90")))
    rig.send()
    rig.tell(refund(money("20")))
    assert rig.amounts()["in_1:refund_issued:re_1:corrected:1"] == (Decimal(-20), "EUR")
    assert body(rig.events()["in_1:refund_issued:re_1:corrected:1"])["properties"]["refund_amount"] == 20


def test_an_amount_in_a_wrong_currency_goes_back_and_the_right_one_comes(rig: Rig) -> None:
    rig.tell(sale(money("50", "estimated", "USD")))
    rig.send()
    rig.tell(sale(money("49.90")))
    rig.replay()
    assert rig.amounts() == {
        "in_1": (Decimal(50), "USD"),
        "in_1:corrected:1": (Decimal(-50), "USD"),
        "in_1:corrected:2": (Decimal("49.90"), "EUR"),
    }


def test_a_mended_mapping_corrects_its_own_word_as_often_as_it_is_mended(rig: Rig) -> None:
    def mended(path: str) -> str:
        return (HEAD + AMOUNT_MAY_BE_ABSENT).replace(
            'emit = "subscription_started"', f'emit = "subscription_started"\nmoney = "{path}"'
        )

    rig.tell(sale(money("49.90"), fee=money("5")))
    rig.send()
    for path, number in (("fee", 1), ("fee", 1), ("money", 2), ("money", 2), ("fee", 3)):
        rig.load(stripe=mended(path))
        rig.replay()
        assert len(rig.events()) == 1 + number
        rig.send()
    assert [amount for amount, _ in rig.amounts().values()] == [
        Decimal("49.90"), Decimal("-44.90"), Decimal("44.90"), Decimal("-44.90"),
    ]  # fmt: skip
    assert body(rig.events()["in_1:corrected:3"])["properties"]["correction_reason"] == "mapped_again"


def test_an_equally_sure_word_of_another_notification_is_only_noted(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.send()
    seq = rig.tell(sale(money("59.90"), country="USA"))
    assert list(rig.events()) == ["in_1"]
    assert rig.reasons(seq) == "FloKit has it otherwise, and cannot take it back: revenue, country"


def test_what_flokit_may_have_counts_as_sent(rig: Rig) -> None:
    rig.tell(sale(None))
    (left,) = rig.ready()
    rig.ledger.about_to_send([left.seq], NOW_MS)
    rig.tell(sale(money("49.90")))
    assert rig.amounts() == {"in_1": (None, None), "in_1:corrected:1": (Decimal("49.90"), "EUR")}


def test_a_refused_event_that_was_corrected_meanwhile_does_not_count_twice(rig: Rig) -> None:
    rig.tell(sale(None))
    left, *_ = rig.ready()
    rig.ledger.about_to_send([left.seq], NOW_MS)
    seq = rig.tell(sale(money("49.90")))
    rig.ledger.mark([], [Refusal(left.seq, 422, "no amount")], [], NOW_MS)
    rig.replay([seq])
    rig.send()
    rig.replay()
    assert sum(amount for amount, _ in rig.amounts().values() if amount) == Decimal("49.90")


def test_a_refused_correction_is_tried_anew(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.send()
    seq = rig.tell(sale(money("49.90")))
    rig.ledger.mark([], [Refusal(rig.ready()[0].seq, 422, "no such event")], [], NOW_MS)
    rig.replay([seq])
    assert [one.key for one in rig.ready()] == ["in_1:corrected:1"]


def test_what_was_forgotten_is_not_corrected_by_the_same_word(rig: Rig) -> None:
    rig.tell(sale(money("49.90", "estimated")))
    rig.send()
    rig.ledger.forget_bodies(1 << 60, 1_000)
    rig.tell(sale(money("49.90"), country="USA"))
    assert list(rig.events()) == ["in_1"]


def test_the_sandbox_corrects_nothing_in_production(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.send()
    rig.tell(sale(money("49.90"), environment="sandbox"))
    assert rig.amounts() == {"in_1": (None, None)}


def test_corrections_can_be_switched_off(rig: Rig) -> None:
    off = TAXONOMY.replace('money = "difference", send = true', 'money = "difference", send = false')
    rig.load(stripe=HEAD + AMOUNT_MAY_BE_ABSENT, taxonomy=off)
    rig.tell(sale(None))
    rig.send()
    seq = rig.tell(sale(money("49.90")))
    assert list(rig.events()) == ["in_1"]
    assert rig.reasons(seq) == "FloKit has it otherwise, and cannot take it back: revenue"


def test_a_finding_says_what_it_led_to(rig: Rig) -> None:
    rig.tell(sale(None))
    rig.send()
    seq = rig.tell(sale(money("49.90")))
    kept = rig.ledger.kept(seq)
    assert kept
    assert [event.key for event in kept.events] == ["in_1", "in_1:corrected:1"]
    rig.replay([seq])
    again = rig.ledger.kept(seq)
    assert again
    assert [event.key for event in again.events] == ["in_1", "in_1:corrected:1"]
    assert again.outcome is Outcome.MAPPED


# Users


def test_a_user_known_by_a_repeat_is_joined_once(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.send()
    seq = rig.tell(sale(money("49.90"), metadata=USER))
    rig.replay()
    rig.send()
    rig.replay()
    assert list(rig.amounts()) == ["in_1", "sub_1:user_linked"]
    kept = rig.ledger.kept(seq)
    assert kept
    assert [event.key for event in kept.events] == ["in_1", "sub_1:user_linked"]
    document = body(rig.events()["sub_1:user_linked"])
    assert (document["user_id"], document["anonymous_id"]) == ("user_42", "sub_1")


def test_a_user_known_by_what_is_no_event_is_joined_at_once(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    ignored = sale(None, metadata=USER, subscription={"id": "sub_1", "status": "past_due"})
    seq = rig.tell(ignored, ignored)
    assert list(rig.amounts()) == ["in_1", "sub_1:user_linked"]
    rig.tell(sale(money("49.90"), "in_2"))
    assert "anonymous_id" not in body(rig.events()["in_2"])
    assert rig.reasons(seq) == "no subscription that is running"


def test_no_second_user_is_joined(rig: Rig) -> None:
    rig.tell(sale(money("49.90")))
    rig.send()
    rig.tell(sale(money("49.90"), metadata=USER), sale(money("49.90"), metadata={"user_id": "user_43"}))
    rig.replay()
    (link,) = [body(one) for one in rig.events().values() if one.name == "user_linked"]
    assert link["user_id"] == "user_42"


# The sum rule


BASES = ("none", "estimated", "exact")


@dataclass(frozen=True)
class Fact:
    """One sale or refund, told of in several words; `amounts` are what each kind of word says."""

    transaction: str
    which: str
    environment: Environment
    amounts: Mapping[str, tuple[str, str]]
    words: Sequence[tuple[str, bool]]  # basis, and whether it knows the user

    def told(self) -> Iterator[Document]:
        """A notification's facts for each word."""
        for basis, knows_user in self.words:
            amount = money(self.amounts[basis][0], basis, self.amounts[basis][1]) if basis != "none" else None
            more = {"environment": str(self.environment), "metadata": USER if knows_user else None}
            yield (
                refund(amount, self.transaction, self.which, **more)
                if self.which
                else sale(amount, self.transaction, **more)
            )

    @property
    def truth(self) -> tuple[str, Decimal]:
        """What the surest word says: currency and signed amount."""
        best = max((basis for basis, _ in self.words), key=BASES.index)
        if best == "none":
            return "", Decimal(0)
        amount, currency = self.amounts[best]
        return currency, -Decimal(amount) if self.which else Decimal(amount)


@st.composite
def histories(draw: Any) -> list[Fact]:
    amounts = st.decimals("0.01", "99.99", places=2).map(str)
    currencies = st.sampled_from(["EUR", "EUR", "EUR", "JPY"])
    words = st.lists(st.tuples(st.sampled_from(BASES), st.booleans()), min_size=1, max_size=4)
    environments = st.sampled_from([Environment.PRODUCTION, Environment.PRODUCTION, Environment.SANDBOX])
    names = draw(
        st.lists(
            st.tuples(st.sampled_from(["in_1", "in_2"]), st.sampled_from(["", "", "re_1", "re_2"]), environments),
            min_size=1,
            max_size=5,
            unique=True,
        )
    )
    said = st.fixed_dictionaries({basis: st.tuples(amounts, currencies) for basis in BASES[1:]})
    return [Fact(transaction, which, environment, draw(said), draw(words)) for transaction, which, environment in names]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(history=histories(), rng=st.randoms(use_true_random=False))
def test_events_add_up_to_what_is_known_in_any_order(history: list[Fact], rng: Random) -> None:
    with TemporaryDirectory(prefix="corrections-") as folder:
        rig = Rig(Path(folder))
        try:
            _live(rig, history, rng)
            _check(rig, history)
            before = _all(rig)
            rig.replay()
            assert _all(rig) == before, "what was told once is not told again"
        finally:
            rig.ledger.close()


def _live(rig: Rig, history: list[Fact], rng: Random) -> None:
    """All words arrive in any order, some twice, while delivery goes on; at the end all is mapped again and sent."""
    told = [document for fact in history for document in fact.told()]
    told += [document for document in told if rng.random() < 0.2]
    rng.shuffle(told)
    while told:
        rig.tell(*[told.pop() for _ in range(min(len(told), rng.randint(1, 3)))])
        for one in rig.ready():
            _deliver(rig, one, rng)
        if rng.random() < 0.2:
            rig.replay(rng.sample(range(1, 30), 5))
    for _ in range(2):
        rig.replay()
        rig.send()


def _deliver(rig: Rig, one: Ready, rng: Random) -> None:
    fate = rng.choice(["waits", "sent", "left", "failed", "refused"])
    if fate != "waits":
        rig.ledger.about_to_send([one.seq], rig.now_ms)
    if fate == "sent":
        rig.ledger.mark([SentMark(one.seq)], [], [], rig.now_ms)
    elif fate == "failed":
        rig.ledger.mark([], [], [Failure(one.seq, 0, "time-out", 0, in_doubt=True)], rig.now_ms)
    elif fate == "refused":
        rig.ledger.mark([], [Refusal(one.seq, 422, "not now")], [], rig.now_ms)


def _check(rig: Rig, history: list[Fact]) -> None:
    truth: defaultdict[tuple[Environment, str, str], Decimal] = defaultdict(Decimal)
    for fact in history:
        currency, amount = fact.truth
        truth[fact.environment, fact.transaction, currency] += amount
    told: defaultdict[tuple[Environment, str, str], Decimal] = defaultdict(Decimal)
    events = [one for one in rig.ledger.events(1_000) if one.name != "user_linked"]
    assert all(one.state == "sent" for one in events if one.name != "revenue_corrected")
    for one in (one for one in events if one.state == "sent"):  # a refused correction may no longer be needed
        told[one.environment, body(one)["properties"]["transaction_id"], one.currency or ""] += one.revenue or 0
    assert {name: amount for name, amount in told.items() if amount} == {
        name: amount for name, amount in truth.items() if amount
    }
    assert {one.key for one in events if one.name != "revenue_corrected"} == {
        f"{fact.transaction}:refund_issued:{fact.which}" if fact.which else fact.transaction for fact in history
    }
    _check_users(rig, history)


def _check_users(rig: Rig, history: list[Fact]) -> None:
    """Whoever was sent without a user is joined to the one who became known, by one pair of ids."""
    bodies = [body(one) for one in rig.ledger.events(1_000)]
    alone = [one for one in bodies if "user_id" not in one]
    pairs = {(one["user_id"], one["anonymous_id"]) for one in bodies if {"user_id", "anonymous_id"} <= one.keys()}
    knows_user = any(knows for fact in history for _, knows in fact.words)
    assert pairs == {("user_42", "sub_1")} if alone and knows_user else pairs <= {("user_42", "sub_1")}


def _all(rig: Rig) -> set[tuple[Environment, str, Decimal | None, str]]:
    return {(one.environment, one.key, one.revenue, one.state) for one in rig.ledger.events(1_000)}


def _silent(_event: str, /, **_fields: object) -> None:
    """The log is not looked at here."""
