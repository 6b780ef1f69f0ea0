"""Proven events with anything in them: facts are stated or the notification is called unreadable, and nothing else."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from golden import MAPPINGS, NOW_MS, cases
from hypothesis import given, settings
from hypothesis import strategies as st
from test_golden_stripe import SECRET, STRIPE

from bridge.ledger.base import Remembered
from bridge.mapping.loading import load
from bridge.memory import Note, Page
from bridge.pipeline import Interpreter
from bridge.sources.stripe.vocabulary import FACTS
from bridge.stories.stripe_signing import sign
from bridge.values.records import Document, Finding, Outcome

INTERPRETER = Interpreter(STRIPE.source, load(MAPPINGS, "stripe", STRIPE.vocabulary))
SAMPLES = [document for case in cases("stripe") for document in case.inputs]


def _text(value: Any) -> str:
    """ASCII JSON, half a surrogate pair included; the samples hold decimals."""
    return json.dumps(value, default=float)


scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from([10**30, -(10**300), 253_402_300_800, "usd", "USDT", "\ud800", "é" * 6_000, "in_1P0001", "paid"]),
)
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "data", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=600, deadline=None)
@given(sample=st.sampled_from(SAMPLES), data=st.data(), value=anything)
def test_any_value_in_any_place_is_read_or_refused(sample: Document, data: st.DataObject, value: Any) -> None:
    place = data.draw(st.sampled_from(list(_places(sample))))

    for finding in _findings(_text(_replaced(sample, place, value)).encode()):
        assert not finding.reason.startswith("a fault of the bridge"), finding.reason
        assert not finding.facts or finding.facts["fact"] in FACTS


@settings(max_examples=200, deadline=None)
@given(body=st.text(max_size=60) | anything.map(_text))
def test_a_proven_body_that_is_no_event_is_kept_as_failed(body: str) -> None:
    (finding,) = _findings(body.encode("utf-8", "replace"))

    assert finding.outcome is Outcome.FAILED
    assert not finding.reason.startswith("a fault of the bridge"), finding.reason


def test_a_body_nested_too_deeply_is_kept_as_failed() -> None:
    (finding,) = _findings(b'{"data":' + b"[" * 200_000 + b"]" * 200_000 + b"}")

    assert finding.reason == "the body is no JSON: the JSON is nested too deeply"


def test_the_later_of_two_equal_keys_counts() -> None:
    (finding,) = _findings(b'{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}},"data":[]}')

    assert finding.reason == "data.object or id is missing: this is no Stripe event"


def _findings(body: bytes) -> list[Finding]:
    notification = STRIPE.receiver.verify(sign(body, SECRET, NOW_MS), body, NOW_MS)
    note = Note(Page(lambda _subject: Remembered({}, 0)), "stripe")
    return INTERPRETER.findings(note, notification, {})


def _places(thing: Any) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document, the inner ones after the outer."""
    rows = thing.items() if isinstance(thing, dict) else enumerate(thing) if isinstance(thing, list) else ()
    for key, value in rows:
        yield (key,)
        yield from ((key, *path) for path in _places(value))


def _replaced(document: Document, place: tuple[Any, ...], value: Any) -> Document:
    changed = deepcopy(document)
    inner: Any = changed
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    return changed
