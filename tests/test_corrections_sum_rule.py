"""In any order, with any repeats, whatever FloKit had by then: the events of each transaction add up to the surest word
about it, each sale is one event, and users are joined once."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from corrections_rig import USER, Rig, body, money, refund, sale
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.ledger.base import Failure, Refusal, SentMark
from bridge.values.records import Document, Environment, Ready

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
