"""Whatever a document holds, there is a finding, and what it sends is JSON of moderate size."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mapping_examples import HEAD, RULES, facts, loaded

from bridge.mapping import Mapping
from bridge.values import jsontext
from bridge.values.records import Document, Outcome

PROPERTIES = """
reason = ["metadata.a", "metadata.b"]
quantity = "attempts"
price_ids = "subscription.price_ids"
cancel_at = { path = "subscription.cancel_at_ms", convert = "iso_time" }

[tables.reasons]
"""

TRIED_THRICE = """
[[rule]]
name = "tried"
when = { attempts = [3, 4] }
ignore = "tried often"
"""

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=True, allow_infinity=True)
    | st.text()
    | st.text(st.characters(categories=["Cs", "Cc", "Lu"]))
    | st.sampled_from([Decimal("sNaN"), Decimal("1E+900000"), Decimal("-0"), 10**400, "x" * 2000, "in_1", "EUR"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
NAMES = (
    "amount", "currency", "basis", "source", "tax", "net", "id", "status", "price_id", "price_ids", "cancel_at_ms",
    "user_id", "anonymous_id", "a", "b",
)  # fmt: skip
INNER = st.fixed_dictionaries({}, optional=dict.fromkeys(NAMES, VALUES))
CHANGES = st.dictionaries(
    st.sampled_from([*facts(), "previous", "which", "key_prefix", "attempts", "changed"]), VALUES | INNER
)
TYPES = st.sampled_from(
    ["invoice.paid", "refund.created", "customer.subscription.created", "customer.subscription.updated"]
)


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    folder: Path = tmp_path_factory.mktemp("mapping")
    return loaded(folder, stripe=HEAD.replace("[tables.reasons]\n", PROPERTIES) + TRIED_THRICE + RULES)


def check(mapping: Mapping, document: Document) -> None:
    finding = mapping.apply(document)
    assert mapping.explain(document).finding.outcome is finding.outcome
    assert (finding.outcome is Outcome.MAPPED) == bool(finding.events)
    assert finding.reason.isprintable()
    assert len(finding.reason) < 300
    for event in finding.events:
        sent = jsontext.loads(event.body)
        assert {"user_id", "anonymous_id"} & sent.keys()
        assert len(event.body) < 200_000
        assert event.key.isascii()
        assert event.key.isprintable()
        assert sent["properties"].get("revenue") == event.revenue


@settings(max_examples=100, deadline=None)
@given(document=st.dictionaries(st.text(), VALUES) | st.dictionaries(st.sampled_from(list(facts())), VALUES | INNER))
def test_any_document(mapping: Mapping, document: Document) -> None:
    check(mapping, document)


@settings(max_examples=150, deadline=None)
@given(kind=TYPES, changes=CHANGES)
def test_a_good_document_gone_bad_in_places(mapping: Mapping, kind: str, changes: Document) -> None:
    check(mapping, facts(type=kind, **{key: value for key, value in changes.items() if key != "type"}))
