"""Proven notifications with anything in them: facts are stated or the notification is called unreadable, and nothing
else."""

import json
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from golden import MAPPINGS, NOW_MS, cases
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from test_apple_facts_golden import RECEIVER, SIGNER

from bridge.errors import Forged
from bridge.ledger.base import Remembered
from bridge.mapping.loading import load
from bridge.memory import Note, Page
from bridge.pipeline import Interpreter
from bridge.sources.apple.source import AppleSource
from bridge.sources.apple.vocabulary import FACTS, VOCABULARY
from bridge.stories.apple_notifications import NESTED
from bridge.values.records import Document, Environment, Finding, Notification, Outcome

INTERPRETER = Interpreter(AppleSource(), load(MAPPINGS, "apple", VOCABULARY))
SAMPLES = [document for case in cases("apple") for document in case.inputs]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from([10**30, -(10**300), 253_402_300_800_000, "usd", "USDT", "\ud800", "é" * 6_000, "FREE_TRIAL"]),
)
anything: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["items", "refunds", "x"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=500, deadline=None)
@given(sample=st.sampled_from(SAMPLES), data=st.data(), value=anything)
def test_any_value_in_any_place_is_read_or_refused(sample: Document, data: st.DataObject, value: Any) -> None:
    place = data.draw(st.sampled_from(list(_places(sample))))

    for finding in _findings(_replaced(sample, place, value)):
        assert not finding.reason.startswith("a fault of the bridge"), finding.reason
        assert not finding.facts or finding.facts["fact"] in FACTS


def test_a_body_that_holds_no_signed_payload_is_kept_as_failed() -> None:
    for body in (b"", b"[]", b'{"signedPayload": 1}', b'{"signedPayload": "a.b"}', b'{"signedPayload": "e30.W10.e30"}'):
        kept = Notification("apple", "1", "DID_RENEW", Environment.PRODUCTION, NOW_MS, NOW_MS, body)
        (finding,) = INTERPRETER.findings(_nothing_known(), kept, {})

        assert finding.outcome is Outcome.FAILED
        assert not finding.reason.startswith("a fault of the bridge"), finding.reason


def test_what_is_wrong_is_said_without_the_value() -> None:
    sample = deepcopy(next(one for one in SAMPLES if one["notificationType"] == "DID_RENEW"))
    sample["data"]["signedTransactionInfo"]["appAccountToken"] = ["somebody@example.com"]

    (finding,) = _findings(sample)

    assert finding.reason == "signedTransactionInfo.appAccountToken: expected text, found a list"


def _findings(document: Document) -> list[Finding]:
    whole = dict(document)
    for part, field in NESTED:
        inner = whole.get(part)
        if isinstance(inner, dict) and isinstance(inner.get(field), dict):
            whole[part] = {**inner, field: _signed(inner[field])}
    try:
        notification = RECEIVER.verify({}, json.dumps({"signedPayload": _signed(whole)}).encode(), NOW_MS)
    except Forged:
        assume(False)
    return INTERPRETER.findings(_nothing_known(), notification, {})


def _signed(claims: Any) -> str:
    """ASCII JSON, half a surrogate pair included; the samples hold decimals."""
    return SIGNER.sign_bytes(json.dumps(claims, default=float).encode(), {"alg": "ES256", "x5c": SIGNER.x5c})


def _nothing_known() -> Note:
    return Note(Page(lambda _subject: Remembered({}, 0)), "apple")


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
