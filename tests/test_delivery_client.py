"""What is sent to FloKit, and what its 2xx answers, lost answers and dead lines mean. Over real HTTP."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import closing

import pytest
from delivery_rig import IMPATIENT, Stage, batch, ready, stage

from bridge.delivery.flokit import MAX_ANSWER_BYTES, FlokitClient, idempotency_key
from bridge.delivery.verdicts import AllTaken, Refused, Stop, Taken, TryAgain
from bridge.standins.clock import MovableClock
from bridge.standins.flokit import PRODUCTION_KEY, FlokitStandin
from bridge.standins.troubles import Answer, CutOff, Hang, Trouble
from bridge.values.records import Batch, Ready

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


def test_a_single_event_goes_as_it_is_stored_with_its_key(client: FlokitClient, standin: FlokitStandin) -> None:
    answer = client.send(ONE)

    (stored,) = standin.stored
    assert answer == [Taken(200, stored.event_id)]
    assert stored.key == "in_1"
    assert standin.requests[0].body == ONE.body


def test_a_batch_is_the_stored_texts_joined(client: FlokitClient, standin: FlokitStandin) -> None:
    answer = client.send(TWO)

    assert answer == AllTaken(200, tuple(stored.event_id for stored in standin.stored))
    assert standin.requests[0].body == b'{"events":[' + TWO.bodies[0] + b"," + TWO.bodies[1] + b"]}"


def test_refused_events_of_a_batch_are_told_by_index(client: FlokitClient, standin: FlokitStandin) -> None:
    standin.refuse = lambda document: "unknown user" if document["user_id"] == "bad" else ""
    answer = client.send(batch(ready(1, "bad"), ready(2), ready(3, "bad")))

    assert answer == [
        Refused(200, "unknown user"),
        Taken(200, standin.stored[0].event_id),
        Refused(200, "unknown user"),
    ]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ('{"index":0,"message":"too old"}', "too old"),
        ('{"index":0,"error":"too_old"}', "too_old"),
        ('{"index":0,"code":17}', '{"index":0,"code":17}'),
        ('{"index":0,"reason":"a\\u0007b\\nc"}', "a b c"),
    ],
)
def test_the_reason_is_found_under_any_likely_name(
    client: FlokitClient, standin: FlokitStandin, error: str, reason: str
) -> None:
    body = f'{{"status":"ok","accepted":1,"rejected":1,"event_ids":["evt_9"],"errors":[{error}]}}'
    standin.troubles.append(Answer(200, body=body.encode()))

    assert client.send(TWO) == [Refused(200, reason), Taken(200, "evt_9")]


@pytest.mark.parametrize(
    "body",
    [
        '{"status":"ok","accepted":1,"rejected":0,"event_ids":["evt_9"],"errors":[]}',
        '{"status":"ok","accepted":2,"rejected":1,"errors":[{"index":0}]}',
        '{"status":"ok","accepted":1,"rejected":1,"errors":[]}',
        '{"status":"ok","accepted":1,"rejected":1,"errors":[{"index":2}]}',
        '{"status":"ok","accepted":1,"rejected":1,"errors":[{"index":-1}]}',
        '{"status":"ok","accepted":1,"rejected":1,"errors":[{"index":true}]}',
        '{"status":"ok","accepted":0,"rejected":2,"errors":[{"index":0},{"index":0}]}',
        '{"status":"ok","accepted":1,"rejected":1,"errors":{"0":"no"}}',
        '{"status":"ok","event_id":"evt_9"}',
        "[]",
    ],
)
def test_a_batch_answer_that_does_not_add_up_is_in_doubt(
    client: FlokitClient, standin: FlokitStandin, body: str
) -> None:
    standin.troubles.append(Answer(200, body=body.encode()))
    answer = client.send(TWO)
    assert isinstance(answer, TryAgain)
    assert answer.in_doubt


def test_event_ids_that_do_not_line_up_are_not_used(client: FlokitClient, standin: FlokitStandin) -> None:
    body = b'{"status":"ok","accepted":2,"rejected":0,"event_ids":["evt_9"],"errors":[]}'
    standin.troubles.append(Answer(200, body=body))
    assert client.send(TWO) == AllTaken(200)


@pytest.mark.parametrize(("status", "body"), [(201, b'{"status":"ok"}'), (202, b'{"event_id":"evt_9"}')])
def test_any_2xx_in_flokits_words_is_taken(
    client: FlokitClient, standin: FlokitStandin, status: int, body: bytes
) -> None:
    standin.troubles.append(Answer(status, body=body))
    (verdict,) = sequence(client.send(ONE))
    assert isinstance(verdict, Taken)


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>Sign in to Airport Wi-Fi</html>", b"[1]", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"event_id":7}'],
)
@pytest.mark.parametrize("parcel", [ONE, TWO])
def test_a_2xx_in_other_words_is_in_doubt(
    client: FlokitClient, standin: FlokitStandin, parcel: Ready | Batch, body: bytes
) -> None:
    standin.troubles.append(Answer(200, body=body))
    answer = client.send(parcel)
    assert isinstance(answer, TryAgain)
    assert (answer.status, answer.in_doubt) == (200, True)


def test_an_endless_answer_is_read_in_part(client: FlokitClient, standin: FlokitStandin) -> None:
    body = b'{"status":"ok","event_id":"' + b"x" * (4 * MAX_ANSWER_BYTES) + b'"}'
    standin.troubles.append(Answer(200, body=body))
    answer = client.send(ONE)
    assert isinstance(answer, TryAgain)
    assert len(answer.reason) < 400


@pytest.mark.parametrize("trouble", [Hang(), CutOff()])
@pytest.mark.parametrize("parcel", [ONE, TWO])
def test_a_lost_answer_is_in_doubt(
    client: FlokitClient, standin: FlokitStandin, parcel: Ready | Batch, trouble: Trouble
) -> None:
    standin.troubles.append(trouble)
    answer = client.send(parcel)
    assert isinstance(answer, TryAgain)
    assert (answer.status, answer.in_doubt) == (0, True)


def answer_from(url: str) -> object:
    with closing(FlokitClient(url, PRODUCTION_KEY)) as client:
        return client.send(ONE)


def test_no_connection_is_not_in_doubt() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    answer = answer_from(f"http://127.0.0.1:{port}")
    assert answer == TryAgain(0, "no connection to FloKit (ConnectError)", in_doubt=False)


def test_an_address_without_a_scheme_stops() -> None:
    assert answer_from("api.flokit.ai") == Stop(0, "FLOKIT_API_URL must begin with https://")


def test_a_path_in_the_address_is_kept(on_stage: Stage, standin: FlokitStandin) -> None:
    assert isinstance(answer_from(f"{on_stage.url}/proxy/"), Stop)
    assert isinstance(answer_from(f"{on_stage.url}/"), list)
    assert len(standin.stored) == 1


@pytest.mark.parametrize("api_key", ["", "key with spaces", "key\r\nX-Evil: 1", "schlüssel", "k" * 256])
def test_an_api_key_that_no_header_carries_is_told_without_showing_it(api_key: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        FlokitClient("http://127.0.0.1", api_key)
    assert not api_key or api_key not in str(caught.value)


def test_the_api_key_is_in_no_repr(client: FlokitClient) -> None:
    assert PRODUCTION_KEY not in repr(client)


def test_keys_travel_as_they_are_unless_a_header_cannot_carry_them() -> None:
    assert idempotency_key("in_1ABC:refund_issued:re_1") == "in_1ABC:refund_issued:re_1"
    hostile = ["", "in_ü", "in_1\r\nX-Evil: 1", "in 1", "i" * 256, "in_\ud800"]
    safe = [idempotency_key(key) for key in hostile]
    assert len(set(safe)) == len(hostile)
    assert all(key.startswith("sha256-") and key.isascii() and len(key) == 71 for key in safe)


def test_a_hostile_key_still_makes_one_event(client: FlokitClient, standin: FlokitStandin) -> None:
    hostile = Ready(1, "in_\n\ud800" * 100, 0, ONE.body)
    assert client.send(hostile) == client.send(hostile)
    assert len(standin.stored) == 1


def sequence(answer: object) -> Sequence[object]:
    assert isinstance(answer, Sequence)
    return answer
