"""Every status that FloKit, or whatever sits in its place, can answer becomes the right verdict. Over real HTTP."""

from collections.abc import Iterator
from contextlib import closing
from email.utils import formatdate

import pytest
from delivery_rig import IMPATIENT, Stage, batch, ready, stage

from bridge.delivery.flokit import FlokitClient
from bridge.delivery.verdicts import Refused, Split, Stop, TryAgain
from bridge.standins.clock import MovableClock
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.troubles import Answer
from bridge.values.records import Batch, Ready
from bridge.values.times import HOUR_MS, SECOND_MS

ONE = ready(1)
TWO = batch(ready(1), ready(2))


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
def standin(on_stage: Stage, clock: MovableClock) -> FlokitStandin:
    on_stage.standin = FlokitStandin(clock)
    return on_stage.standin


@pytest.fixture
def client(on_stage: Stage, clock: MovableClock) -> Iterator[FlokitClient]:
    with closing(FlokitClient(on_stage.url, PRODUCTION_KEY, clock=clock, timeouts=IMPATIENT)) as client:
        yield client


@pytest.mark.parametrize("status", [400, 413, 422])
def test_what_flokit_says_of_the_event_itself_is_final_for_one_and_splits_a_batch(
    client: FlokitClient, standin: FlokitStandin, status: int
) -> None:
    body = b'{"error":"validation_error","message":"timestamp is required"}'
    standin.troubles += [Answer(status, body=body)] * 2

    assert client.send(ONE) == [Refused(status, "validation_error: timestamp is required")]
    assert client.send(TWO) == Split(status, "validation_error: timestamp is required")


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"", "HTTP 400 without a reason"), (b"no\r\ngood", "no  good"), (b'{"error":{}}', '{"error":{}}')],
)
def test_a_refusal_always_has_a_reason(client: FlokitClient, standin: FlokitStandin, body: bytes, reason: str) -> None:
    standin.troubles.append(Answer(400, body=body))
    assert client.send(ONE) == [Refused(400, reason)]


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308, 401, 403, 404, 405, 407, 410])
@pytest.mark.parametrize("parcel", [ONE, TWO])
def test_a_wrong_key_or_address_stops(
    client: FlokitClient, standin: FlokitStandin, parcel: Ready | Batch, status: int
) -> None:
    standin.troubles.append(Answer(status, {"Location": "/v1/elsewhere"}))
    answer = client.send(parcel)

    assert isinstance(answer, Stop)
    assert answer.status == status
    assert "FLOKIT_API_" in answer.reason
    assert len(standin.requests) == 1  # a redirect is not followed: it would carry the key elsewhere


@pytest.mark.parametrize(
    ("status", "in_doubt"),
    [(status, True) for status in (408, 409, 500, 502, 503, 504, 599)]
    + [(status, False) for status in (402, 418, 425, 429, 431)],
)
@pytest.mark.parametrize("parcel", [ONE, TWO])
def test_all_else_is_tried_again(
    client: FlokitClient, standin: FlokitStandin, parcel: Ready | Batch, status: int, in_doubt: bool
) -> None:
    standin.troubles.append(Answer(status, body=b"busy"))
    assert client.send(parcel) == TryAgain(status, "busy", in_doubt, None)


@pytest.mark.parametrize(
    ("text", "delay_ms"),
    [
        ("0", 0),
        ("17", 17 * SECOND_MS),
        ("3600", HOUR_MS),
        ("99999999", HOUR_MS),
        ("9" * 5_000, None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("Tue, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_seconds(client: FlokitClient, standin: FlokitStandin, text: str, delay_ms: int | None) -> None:
    standin.troubles.append(Answer(429, {"Retry-After": text}))
    assert client.send(ONE) == TryAgain(429, "HTTP 429 without a reason", False, delay_ms)


@pytest.mark.parametrize(
    ("ahead_ms", "delay_ms"), [(90 * SECOND_MS, 90 * SECOND_MS), (-HOUR_MS, 0), (48 * HOUR_MS, HOUR_MS)]
)
def test_retry_after_as_a_date(
    client: FlokitClient, standin: FlokitStandin, clock: MovableClock, ahead_ms: int, delay_ms: int
) -> None:
    date = formatdate((clock() + ahead_ms) / SECOND_MS, usegmt=True)
    standin.troubles.append(Answer(503, {"Retry-After": date}))
    answer = client.send(ONE)
    assert isinstance(answer, TryAgain)
    assert answer.delay_ms == delay_ms
