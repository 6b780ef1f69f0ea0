"""Delivery, from the ledger to the stand-in FloKit over HTTP: the everyday, backlogs and what FloKit refuses."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from delivery_rig import Rig, Stage, numbered, stage

from bridge.standins.flokit import PRODUCTION_KEY, SANDBOX_KEY
from bridge.standins.troubles import Answer
from bridge.values import jsontext
from bridge.values.records import Environment
from bridge.values.times import MINUTE_MS, SECOND_MS


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def rig(tmp_path: Path, on_stage: Stage) -> Iterator[Rig]:
    rig = Rig(tmp_path, on_stage)
    yield rig
    rig.close()


def test_an_event_is_sent_once_and_marked_with_flokits_id(rig: Rig) -> None:
    rig.enter(1)
    rig.drive(rig.deliverer(), MINUTE_MS)

    (stored,) = rig.standin.stored
    sent = rig.entered()["in_1"]
    assert (stored.key, sent.state, sent.flokit_event_id) == ("in_1", "sent", stored.event_id)
    assert len(rig.standin.requests) == 1


def test_nothing_to_do_is_looked_at_again_soon(rig: Rig) -> None:
    deliverer = rig.deliverer()
    assert 0 < deliverer.step() <= SECOND_MS
    rig.enter(1)
    assert deliverer.step() == 0
    assert rig.states() == {"sent": 1}


def test_a_small_backlog_goes_one_by_one_in_order_of_time(rig: Rig) -> None:
    rig.enter(*reversed(range(180)))
    rig.drive(rig.deliverer(), 3 * MINUTE_MS)

    assert rig.stored_keys() == numbered(range(180))
    assert {request.path for request in rig.standin.requests} == {"/v1/events"}


def test_a_large_backlog_drains_by_batches_in_order_of_time(rig: Rig) -> None:
    numbers = list(range(5_000))
    rig.enter(*Random(1).sample(numbers, len(numbers)))
    rig.drive(rig.deliverer(), SECOND_MS)

    assert rig.stored_keys() == numbered(numbers)
    assert rig.states() == {"sent": 5_000}
    assert [request.path for request in rig.standin.requests] == ["/v1/batch/events"] * 5


def test_no_minute_sees_more_requests_than_allowed(rig: Rig) -> None:
    deliverer = rig.deliverer(requests_per_minute=10)
    for number in range(35):
        rig.enter(number)
        rig.drive(deliverer, 4 * SECOND_MS)
    rig.drive(deliverer, 4 * MINUTE_MS)

    times_ms = [request.at_ms for request in rig.standin.requests]
    assert rig.states() == {"sent": 35}
    assert all(later - earlier >= MINUTE_MS for earlier, later in zip(times_ms, times_ms[10:], strict=False))


def test_requests_that_are_slow_to_arrive_do_not_crowd_the_next_minute(rig: Rig) -> None:
    delays_ms = iter([30 * SECOND_MS])

    def arrival_ms() -> int:
        rig.clock.advance(next(delays_ms, 0))
        return rig.clock()

    rig.standin.clock = arrival_ms
    rig.enter(*range(15))
    rig.drive(rig.deliverer(requests_per_minute=10), 3 * MINUTE_MS)
    times_ms = [request.at_ms for request in rig.standin.requests]
    assert len(times_ms) == 15
    assert times_ms[10] - times_ms[0] >= MINUTE_MS


def test_a_budget_is_used_to_the_full(rig: Rig) -> None:
    rig.enter(*range(180))
    rig.drive(rig.deliverer(), MINUTE_MS + 1)
    assert rig.states() == {"sent": 180}
    assert {line["outcome"] for line in rig.log} == {"sent"}


def test_each_environment_has_its_own_key(rig: Rig) -> None:
    rig.enter(1)
    rig.enter(2, environment=Environment.SANDBOX)
    rig.enter(3, environment=Environment.UNKNOWN)
    rig.drive(rig.deliverer(), SECOND_MS)
    assert [(e.workspace, e.key) for e in rig.standin.stored] == [("production", "in_1")]

    rig.drive(rig.deliverer(SANDBOX_KEY, Environment.SANDBOX), SECOND_MS)
    assert [(e.workspace, e.key) for e in rig.standin.stored] == [("production", "in_1"), ("sandbox", "in_2")]
    assert rig.states() == {"sent": 2, "ready": 1}


def test_a_refused_event_is_dead_with_flokits_reason_and_holds_up_nothing(rig: Rig) -> None:
    rig.standin.refuse = lambda document: "in_2 is too old" if document["properties"]["key"] == "in_2" else ""
    rig.enter(1, 2, 3)
    rig.drive(rig.deliverer(), MINUTE_MS)

    dead = rig.entered()["in_2"]
    assert (dead.state, dead.last_status, dead.last_reason) == ("dead", 400, "validation_error: in_2 is too old")
    assert rig.stored_keys() == ["in_1", "in_3"]
    assert len(rig.standin.requests) == 3


def test_refused_events_of_a_batch_are_dead_and_the_others_sent(rig: Rig) -> None:
    bad = {"in_0", "in_77", "in_499"}
    rig.standin.refuse = lambda document: "too old" if document["properties"]["key"] in bad else ""
    rig.enter(*range(500))
    rig.drive(rig.deliverer(), SECOND_MS)

    entered = rig.entered()
    assert {key for key, event in entered.items() if event.state == "dead"} == bad
    assert {entered[key].last_reason for key in bad} == {"too old"}
    assert rig.states() == {"sent": 497, "dead": 3}
    ids = {event.event_id: event.document["properties"]["key"] for event in rig.standin.stored}
    assert all(ids[event.flokit_event_id] == key for key, event in entered.items() if event.state == "sent")


def test_a_batch_that_is_too_large_is_halved(rig: Rig) -> None:
    rig.standin.batch_limit_bytes = 60_000
    rig.enter(*range(1_000))
    rig.drive(rig.deliverer(), MINUTE_MS)

    assert rig.stored_keys() == numbered(range(1_000))
    assert sorted(rig.states()) == ["sent"]


def test_batches_grow_again_after_a_refusal(rig: Rig) -> None:
    rig.standin.troubles.append(Answer(422))
    rig.enter(*range(3_000))
    rig.drive(rig.deliverer(), SECOND_MS)

    assert [line["count"] for line in rig.log] == [1_000, 500, 1_000, 1_000, 500]
    assert rig.states() == {"sent": 3_000}


def test_a_batch_refused_for_one_event_is_halved_until_that_one_is_found(rig: Rig) -> None:
    rig.standin.refuse_whole = lambda document: document["properties"]["key"] == "in_700"
    rig.enter(*range(1_000))
    rig.drive(rig.deliverer(), 5 * MINUTE_MS)

    assert rig.states() == {"sent": 999, "dead": 1}
    assert rig.entered()["in_700"].last_status == 422
    assert sorted(rig.stored_keys()) == sorted(set(numbered(range(1_000))) - {"in_700"})


def test_the_log_tells_each_request_and_no_secret(rig: Rig) -> None:
    rig.standin.troubles += [
        Answer(401),
        Answer(503, {"Retry-After": "9"}, b"user_42 is unwell"),
        Answer(400, body=b"user_42?"),
    ]
    rig.enter(1, 2)
    rig.drive(rig.deliverer(), 40 * MINUTE_MS)

    assert [(line["event"], line["level"], line["outcome"], line["status"], line["key"]) for line in rig.log] == [
        ("delivery", "error", "stopped", 401, "in_1"),
        ("delivery", "warning", "try_again", 503, "in_2"),
        ("delivery", "warning", "dead", 400, "in_1"),
        ("delivery", "info", "sent", 200, "in_2"),
    ]
    assert {(line["destination"], line["environment"], line["count"]) for line in rig.log} == {
        ("flokit", "production", 1)
    }
    text = jsontext.dumps(rig.log)
    assert PRODUCTION_KEY.encode() not in text
    assert b"user_42" not in text
