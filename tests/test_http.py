"""What the edge answers, over HTTP."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from edge_rig import OTHER_SECRET, SECRET, Edge, event, running_edge, sign

from bridge.taking import MAX_BODY_BYTES
from bridge.values.records import Environment, Notification


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with running_edge(tmp_path_factory.mktemp("edge")) as running:
        yield running


def test_a_proven_webhook_is_on_disk_when_it_is_answered(edge: Edge) -> None:
    answer = edge.post(event("evt_first"))
    assert (answer.status_code, answer.json()) == (200, {"status": "accepted"})
    assert answer.headers["content-type"] == "application/json"
    assert "evt_first" in edge.kept_ids()
    assert edge.woken > 0


def test_a_repeat_is_a_duplicate(edge: Edge) -> None:
    body = event("evt_twice")
    assert edge.post(body).json() == {"status": "accepted"}
    assert edge.post(body).json() == {"status": "duplicate"}
    assert edge.kept_ids().count("evt_twice") == 1


def test_any_of_several_secrets_proves(edge: Edge) -> None:
    body = event("evt_other_secret")
    assert edge.post(body, sign(body, OTHER_SECRET)).status_code == 200
    unknown = edge.post(body, sign(body, "whsec_unknown_0123456789"))
    assert (unknown.status_code, unknown.json()["error"]) == (400, "not_proven")
    assert "STRIPE_WEBHOOK_SECRETS" in unknown.json()["message"]


def test_webhooks_at_the_same_time_share_writes_and_each_gets_its_own_answer(edge: Edge) -> None:
    bodies = [event(f"evt_many_{number % 30}") for number in range(60)]
    woken_before = edge.woken
    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(edge.post, bodies))
    assert [answer.status_code for answer in answers] == [200] * 60
    assert sum(answer.json()["status"] == "accepted" for answer in answers) == 30
    assert {f"evt_many_{number}" for number in range(30)} <= set(edge.kept_ids())
    assert edge.woken - woken_before <= 60


def test_a_thin_event_is_kept_and_its_sender_told_what_to_change(edge: Edge) -> None:
    body = event("evt_thin", object="v2.core.event", created="2026-11-24T10:00:00.000Z", type="v1.invoice.paid")
    answer = edge.post(body)
    assert answer.status_code == 200
    assert answer.json()["status"] == "accepted"
    assert "Snapshot" in answer.json()["message"]
    assert edge.post(body).json()["status"] == "duplicate"
    assert "evt_thin" in edge.kept_ids()


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[1, 2]",
        b'"text"',
        b'{"id": 7}',
        b'{"id": "' + b"x" * 300 + b'"}',
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b'{"id": "evt_huge", "created": ' + b"9" * 5_000 + b"}",
        b'{"id": "evt\\u0000\\n\\u001b[31m", "type": "\\ud800"}',
        b'{"id": "evt_types", "type": [], "created": true, "livemode": "yes", "object": 3}',
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: body[:24].decode("latin-1"),
)
def test_proven_but_unreadable_is_kept_all_the_same(edge: Edge, body: bytes) -> None:
    before = len(edge.kept_ids())
    assert edge.post(body).json() == {"status": "accepted"}
    assert edge.post(body).json() == {"status": "duplicate"}
    assert len(edge.kept_ids()) == before + 1


def test_of_a_key_that_stands_twice_the_last_counts(edge: Edge) -> None:
    assert edge.post(b'{"id": "evt_double_1", "id": "evt_double_2"}').status_code == 200
    assert "evt_double_2" in edge.kept_ids()


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, "not_proven"),
        ({"stripe-signature": ""}, "not_proven"),
        ({"stripe-signature": "t=1,v1=abc"}, "not_proven"),
        ({"stripe-signature": "t=now,v1=abc"}, "not_proven"),
        ({"stripe-signature": "," * 5_000}, "not_proven"),
        ({"stripe-signature": "nonsense"}, "not_proven"),
        (sign(b"{ }"), "not_proven"),
    ],
)
def test_what_is_not_proven_is_refused_and_not_kept(edge: Edge, headers: dict[str, str], code: str) -> None:
    before = edge.kept_ids()
    answer = edge.post(b"{}", headers)
    assert (answer.status_code, answer.json()["error"]) == (400, code)
    assert edge.kept_ids() == before


@pytest.mark.parametrize("away_s", [-400, 400])
def test_a_signature_of_another_time_is_refused_and_not_kept(edge: Edge, away_s: int) -> None:
    before = edge.kept_ids()
    answer = edge.post(b"{}", sign(b"{}", at_s=int(time.time()) + away_s))
    assert (answer.status_code, answer.json()["error"]) == (400, "not_current")
    assert edge.kept_ids() == before


def test_a_signature_that_is_not_ascii_is_refused(edge: Edge) -> None:
    headers = [(b"stripe-signature", "t=1,v1=é".encode("latin-1"))]
    with httpx.Client() as client:
        answer = client.post(f"{edge.url}/webhooks/stripe", content=b"{}", headers=headers)
    assert answer.status_code == 400


def test_a_body_that_is_not_utf8_is_refused(edge: Edge) -> None:
    answer = edge.post(b"\xff\xfe", sign(b"{}"))
    assert (answer.status_code, answer.json()["error"]) == (400, "not_proven")


def test_an_empty_body_is_refused(edge: Edge) -> None:
    answer = edge.post(b"", sign(b""))
    assert (answer.status_code, answer.json()["error"]) == (400, "empty_body")


def test_a_body_of_the_largest_size_is_taken_and_one_byte_more_is_not(edge: Edge) -> None:
    body = event("evt_large")
    body += b" " * (MAX_BODY_BYTES - len(body))
    assert edge.post(body).status_code == 200
    answer = edge.post(body + b" ")
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_a_body_without_a_declared_length_is_counted(edge: Edge) -> None:
    chunks = iter([b"x" * 700_000] * 3)
    with httpx.Client() as client:
        answer = client.post(f"{edge.url}/webhooks/stripe", content=chunks)
    assert (answer.status_code, answer.json()["error"]) == (413, "too_large")


def test_a_query_string_changes_nothing(edge: Edge) -> None:
    body = event("evt_query")
    with httpx.Client() as client:
        answer = client.post(f"{edge.url}/webhooks/stripe?a=b", content=body, headers=sign(body))
    assert answer.json() == {"status": "accepted"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/webhooks/stripe", 405, "method_not_allowed"),
        ("DELETE", "/webhooks/stripe", 405, "method_not_allowed"),
        ("POST", "/health", 405, "method_not_allowed"),
        ("POST", "/webhooks/apple", 404, "not_configured"),
        ("POST", "/webhooks/unknown", 404, "not_found"),
        ("POST", "/webhooks/stripe/", 404, "not_found"),
        ("POST", "/webhooks/%00", 404, "not_found"),
        ("GET", "/nothing", 404, "not_found"),
    ],
)
def test_other_urls_answer_in_json(edge: Edge, method: str, path: str, status: int, code: str) -> None:
    answer = httpx.request(method, edge.url + path)
    assert (answer.status_code, answer.json()["error"]) == (status, code)
    if status == 405:
        assert answer.headers["allow"]
    if code == "not_configured":
        assert "APPLE_APPS" in answer.json()["message"]


def test_health_and_ready(edge: Edge) -> None:
    assert httpx.get(f"{edge.url}/health").json() == {"status": "ok"}
    assert httpx.get(f"{edge.url}/ready").json() == {"status": "ready"}


def test_a_ledger_that_cannot_be_written_gives_503_and_is_not_ready(tmp_path: Path) -> None:
    with running_edge(tmp_path) as edge:
        edge.ledger.close()
        answer = edge.post(event("evt_lost"))
        assert (answer.status_code, answer.json()["error"]) == (503, "try_again")
        ready = httpx.get(f"{edge.url}/ready")
        assert (ready.status_code, ready.json()["error"]) == (503, "not_ready")
    assert {"ledger_failed", "not_ready"} <= {line["event"] for line in edge.log()}
    assert edge.woken == 0


class _Faulty:
    name = "stripe"

    def verify(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notification:  # noqa: ARG002 - as Receiver
        raise KeyError(body.decode())


def test_a_fault_of_ours_asks_the_sender_to_come_again_and_quotes_nothing(tmp_path: Path) -> None:
    with running_edge(tmp_path, receivers=[_Faulty()]) as edge:
        assert edge.post(b"a stranger's words", {}).status_code == 503
    assert b"stranger" not in b"".join(edge.lines)
    (fault,) = [line for line in edge.log() if line["event"] == "fault"]
    assert fault["fault"] == "KeyError"
    assert str(fault["at"]).startswith("test_http.py:")


class _Odd:
    name = "stripe"

    def verify(self, headers: Mapping[str, str], body: bytes, now_ms: int) -> Notification:  # noqa: ARG002 - as Receiver
        return Notification("stripe", "\ud800", "\n\x1b[31m" + "é" * 900, Environment.UNKNOWN, 0, now_ms, body)


def test_a_batch_that_cannot_be_kept_is_not_acknowledged_and_its_log_lines_are_safe(tmp_path: Path) -> None:
    with running_edge(tmp_path, receivers=[_Odd()]) as edge:
        assert edge.post(b"{}", {}).status_code == 503  # SQLite takes no lone surrogates
    assert edge.log()[0]["fault"] == "UnicodeEncodeError"


def test_each_webhook_leaves_one_line_with_nothing_of_its_content(tmp_path: Path) -> None:
    with running_edge(tmp_path) as edge:
        body = event("evt_logged", data={"object": {"customer_email": "someone@example.com"}})
        edge.post(body)
        edge.post(body)
        edge.post(b"{}", {"stripe-signature": "t=1,v1=x"})
    accepted, duplicate, refused = edge.log()
    assert accepted | {"time": "", "duration_ms": 0} == {
        "time": "",
        "event": "webhook",
        "source": "stripe",
        "status": 200,
        "outcome": "accepted",
        "type": "invoice.paid",
        "id": "evt_logged",
        "environment": "production",
        "bytes": len(body),
        "duration_ms": 0,
    }
    assert duplicate["outcome"] == "duplicate"
    assert (refused["outcome"], refused["code"], refused["status"]) == ("refused", "not_proven", 400)
    text = b"".join(edge.lines)
    assert b"someone" not in text
    assert SECRET.encode() not in text
