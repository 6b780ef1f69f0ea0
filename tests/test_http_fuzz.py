"""Whatever is sent: no 5xx, no crash, and everything that is answered 200 is on disk."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from edge_rig import OTHER_SECRET, SECRET, Edge, event, running_edge, sign
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=30)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner))
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "id": JSON | st.from_regex(r"evt_[0-9a-z]{1,8}", fullmatch=True),
        "object": st.sampled_from(["event", "v2.core.event", "", None]) | JSON,
        "type": st.sampled_from(["invoice.paid", "x" * 300]) | JSON,
        "created": JSON | st.integers(-(10**30), 10**30) | st.sampled_from(["2026-11-24T10:00:00Z", "9999-99"]),
        "livemode": JSON,
        "account": JSON,
        "data": JSON,
    },
)
BODIES = st.binary(min_size=1, max_size=200) | st.text(min_size=1).map(lambda text: text.encode("utf-8", "replace"))
SIGNATURES = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=200)


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with running_edge(tmp_path_factory.mktemp("fuzz")) as running:
        yield running


@pytest.fixture(scope="module")
def client(edge: Edge) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=edge.url) as made:
        yield made


@FUZZ
@given(content=EVENTS | JSON, secret=st.sampled_from([SECRET, OTHER_SECRET]))
def test_every_proven_body_is_kept(edge: Edge, client: httpx.Client, content: Any, secret: str) -> None:
    body = json.dumps(content).encode()
    before = _kept(edge)
    answer = client.post("/webhooks/stripe", content=body, headers=sign(body, secret))
    assert answer.status_code == 200
    new = [seq for seq in _kept(edge) if seq not in before]
    assert len(new) == (answer.json()["status"] == "accepted")
    for kept in map(edge.ledger.kept, new):
        assert kept is not None
        assert kept.pending.notification.body == body


@FUZZ
@given(body=BODIES, signature=SIGNATURES)
def test_nothing_unproven_is_kept(edge: Edge, client: httpx.Client, body: bytes, signature: str) -> None:
    before = _kept(edge)
    headers = [(b"stripe-signature", signature.strip().encode("latin-1"))]
    answer = client.post("/webhooks/stripe", content=body, headers=headers)
    assert answer.status_code == 400
    assert _kept(edge) == before


@FUZZ
@given(at=st.integers(0, 400), flip=st.integers(1, 255))
def test_one_changed_byte_is_refused(edge: Edge, client: httpx.Client, at: int, flip: int) -> None:
    body = bytearray(event("evt_changed", padding="x" * 400))
    headers = sign(bytes(body))
    body[at % len(body)] ^= flip
    assert client.post("/webhooks/stripe", content=bytes(body), headers=headers).status_code == 400


@FUZZ
@given(method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "PATCH"]), path=st.text(max_size=60))
def test_no_url_breaks_it(client: httpx.Client, method: str, path: str) -> None:
    assert client.request(method, "/" + quote(path, errors="replace")).status_code < 500


def _kept(edge: Edge) -> set[int]:
    return set(edge.ledger.find())
