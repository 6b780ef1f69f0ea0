"""Anything in the notification or in Google's answers: facts are stated, a question is asked, or it is called
unreadable, and nothing else. Money is read to the last billionth, or not at all."""

import json
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from typing import Any

import pytest
from golden import MAPPINGS, NOW_MS, Case, cases
from hypothesis import given, settings
from hypothesis import strategies as st
from test_golden_google import PACKAGE

from bridge.errors import BadNotification, NeedsAnswer
from bridge.mapping.loading import load
from bridge.memory import Note, page_of
from bridge.pipeline import Interpreter
from bridge.sources.google.money import money_at
from bridge.sources.google.push import kind
from bridge.sources.google.source import GoogleSource
from bridge.sources.google.vocabulary import FACTS, VOCABULARY
from bridge.standins.google_play import money
from bridge.values import jsontext
from bridge.values.money import Money
from bridge.values.reader import Reader
from bridge.values.records import Document, Environment, Finding, Notification, Outcome

INTERPRETER = Interpreter(GoogleSource(packages=[PACKAGE]), load(MAPPINGS, "google", VOCABULARY))
ASKED = [case for case in cases("google") if (case.folder / "google.json").exists()]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=20),
    st.sampled_from(
        [10**30, -(10**300), 253_402_300_800_000, "EUR", "EURO", "é" * 6_000, "2026-10-01T09:00:00Z", "-1"]
    ),
)
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["units", "nanos", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(case=st.sampled_from(ASKED), data=st.data(), value=anything)
def test_any_value_in_any_place_is_read_or_refused(case: Case, data: st.DataObject, value: Any) -> None:
    world = _worlds(case)[0]
    place = data.draw(st.sampled_from(list(_places({"input": case.inputs[0], "google": world}))))
    changed = _replaced({"input": case.inputs[0], "google": world}, place, value)

    for finding in _findings(changed["input"], changed["google"]):
        assert not finding.reason.startswith("a fault of the bridge"), finding.reason
        assert not finding.facts or finding.facts["fact"] in FACTS


@settings(max_examples=300)
@given(units=st.integers(0, 10**12), nanos=st.integers(0, 999_999_999))
def test_money_is_exact(units: int, nanos: int) -> None:
    amount = Decimal(units) + Decimal(nanos) / 1_000_000_000
    read = money_at(Reader({"total": money(amount, "EUR")}), "total")

    assert read == Money(amount, "EUR")
    assert read is not None
    assert "E" not in str(jsontext.dumps(read.amount))


@pytest.mark.parametrize(
    "broken",
    [
        {"units": "1"},
        {"currencyCode": "EURO", "units": "1"},
        {"currencyCode": "EUR", "units": 1},
        {"currencyCode": "EUR", "units": "1.5"},
        {"currencyCode": "EUR", "units": "١"},
        {"currencyCode": "EUR", "units": "1" * 20},
        {"currencyCode": "EUR", "units": "-1"},
        {"currencyCode": "EUR", "units": "1", "nanos": -1},
        {"currencyCode": "EUR", "units": "1", "nanos": 1_000_000_000},
        {"currencyCode": "EUR", "units": "1", "nanos": "5"},
        {"currencyCode": "EUR", "units": "1", "nanos": True},
        "1.00 EUR",
        [],
        5,
    ],
)
def test_money_that_is_not_as_documented_is_refused(broken: Any) -> None:
    with pytest.raises(BadNotification):
        money_at(Reader({"total": broken}), "total")


def test_zero_is_a_currency_alone() -> None:
    assert money_at(Reader({"total": {"currencyCode": "JPY"}}), "total") == Money(Decimal(0), "JPY")
    assert money_at(Reader({}), "total") is None


def _findings(document: Any, world: Any) -> list[Finding]:
    """What becomes of it, with every question answered from the world as the Play Developer API would."""
    body = json.dumps(document).encode()
    answers: Document = {}
    for _ in range(40):
        note = Note(page_of({}, "google"), "google")
        try:
            return INTERPRETER.findings(note, _notification(document, body), answers)
        except NeedsAnswer as need:
            answers[need.question] = _answer(need.question, world)
    return [Finding(Outcome.FAILED, "a fault of the bridge: it asks in a circle")]


def _notification(document: Any, body: bytes) -> Notification:
    type_ = kind(document) if isinstance(document, dict) else ""
    return Notification("google", "1", type_, Environment.UNKNOWN, NOW_MS, NOW_MS, body)


def _answer(question: str, world: Any) -> Any:
    what, _, about = question.partition(":")
    name = about.partition("/")[2]
    found = world if isinstance(world, dict) else {}
    match what:
        case "subscription" | "product":
            kept = found.get(f"{what}s", {})
            purchase = kept.get(name) if isinstance(kept, dict) else None
            return purchase if isinstance(purchase, dict) else None
        case "orders":
            orders = [order for order in _rows(found.get("orders")) if isinstance(order, dict)]
            return {order["orderId"]: order for order in orders if order.get("orderId") in name.split(",")}
    return True


def _rows(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _worlds(case: Case) -> list[Document]:
    found = jsontext.loads((case.folder / "google.json").read_bytes())
    return found if isinstance(found, list) else [found]


def _places(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if at:
        yield at
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from _places(one, (*at, key))


def _replaced(document: Document, place: tuple[str | int, ...], value: Any) -> Document:
    changed = deepcopy(document)
    inner: Any = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed
