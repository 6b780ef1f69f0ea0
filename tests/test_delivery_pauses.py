"""Wrong keys, poison and full buckets: when delivery waits, for how long, and that nothing is lost by it."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from delivery_rig import Rig, Stage, numbered, stage

from bridge.standins.troubles import Answer
from bridge.values.records import Document
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def rig(tmp_path: Path, on_stage: Stage) -> Iterator[Rig]:
    rig = Rig(tmp_path, on_stage)
    yield rig
    rig.close()


@pytest.mark.parametrize("status", [401, 403, 404, 405, 302])
def test_a_wrong_key_or_address_stops_delivery_loses_nothing_and_resumes(rig: Rig, status: int) -> None:
    rig.standin.troubles += [Answer(status, {"Location": "https://example.com/"})] * 5
    rig.enter(1, 2)
    deliverer = rig.deliverer()
    rig.drive(deliverer, HOUR_MS)

    assert [request.at_ms - rig.standin.requests[0].at_ms for request in rig.standin.requests] == [
        0,
        15 * MINUTE_MS,
        30 * MINUTE_MS,
        45 * MINUTE_MS,
    ]
    assert rig.states() == {"ready": 2}
    assert {(line["level"], line["status"]) for line in rig.log} == {("error", status)}
    assert all("FLOKIT_API_" in str(line["message"]) for line in rig.log)

    rig.drive(deliverer, 16 * MINUTE_MS)  # one more is stopped, and then the trouble is over
    rig.drive(deliverer, 15 * MINUTE_MS)
    assert sorted(rig.stored_keys()) == ["in_1", "in_2"]
    assert rig.states() == {"sent": 2}


def test_a_restart_tries_a_mended_key_at_once(rig: Rig) -> None:
    rig.enter(1)
    rig.drive(rig.deliverer("an_old_key"), MINUTE_MS)
    assert rig.states() == {"ready": 1}

    assert rig.deliverer().step() == 0
    assert rig.states() == {"sent": 1}


def test_a_batch_with_a_wrong_key_is_not_in_doubt(rig: Rig) -> None:
    rig.enter(*range(500))
    rig.drive(rig.deliverer("an_old_key"), MINUTE_MS)
    rig.drive(rig.deliverer(), SECOND_MS)
    assert [request.path for request in rig.standin.requests] == ["/v1/batch/events"] * 2
    assert rig.states() == {"sent": 500}


def is_poison(document: Document) -> bool:
    return bool(document["user_id"] == "poison")


def test_events_that_always_fail_do_not_hold_up_the_others(rig: Rig) -> None:
    rig.standin.choke_on = is_poison
    rig.enter(*range(5), user="poison")
    rig.enter(*range(5, 100))
    rig.drive(rig.deliverer(), 5 * MINUTE_MS)

    assert rig.stored_keys() == numbered(range(5, 100))
    assert rig.states() == {"sent": 95, "ready": 5}


def test_a_poisoned_batch_comes_apart_and_the_rest_arrives_once(rig: Rig) -> None:
    rig.standin.choke_on = is_poison
    rig.enter(*range(150), *range(151, 300))
    rig.enter(150, user="poison")
    rig.drive(rig.deliverer(), 15 * MINUTE_MS)

    assert sorted(rig.stored_keys()) == sorted(set(numbered(range(300))) - {"in_150"})
    assert rig.states() == {"sent": 299, "ready": 1}


def test_pauses_grow_with_each_failure_and_end_with_a_success(rig: Rig) -> None:
    rig.enter(*range(40))
    rig.standin.choke_on = lambda _: True
    deliverer = rig.deliverer()
    rig.drive(deliverer, HOUR_MS)

    times_ms = [request.at_ms for request in rig.standin.requests]
    pauses_ms = [later - earlier for earlier, later in pairwise(times_ms)]
    for pause_ms, even_s in zip(pauses_ms, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300], strict=False):
        assert 0.8 * even_s * SECOND_MS <= pause_ms <= 1.2 * even_s * SECOND_MS
    assert len({request.key for request in rig.standin.requests}) == len(times_ms)  # each time another event

    rig.standin.choke_on = lambda _: False
    rig.drive(deliverer, 20 * MINUTE_MS)
    assert rig.states() == {"sent": 40}


@pytest.mark.parametrize(("asked_for", "pause_ms"), [("20", 20 * SECOND_MS), ("0", SECOND_MS), ("999999999", HOUR_MS)])
def test_retry_after_is_honoured_within_reason(rig: Rig, asked_for: str, pause_ms: int) -> None:
    rig.standin.troubles.append(Answer(429, {"Retry-After": asked_for}))
    rig.enter(1, 2)
    rig.drive(rig.deliverer(), 2 * HOUR_MS)

    first, second, *_ = rig.standin.requests
    assert second.at_ms - first.at_ms == pause_ms
    assert rig.states() == {"sent": 2}


def test_a_budget_above_the_workspaces_limit_is_held_back_by_flokit(rig: Rig) -> None:
    rig.enter(*range(150))
    rig.drive(rig.deliverer(requests_per_minute=200), 3 * MINUTE_MS)

    assert sorted(rig.stored_keys()) == sorted(numbered(range(150)))
    assert [line["status"] for line in rig.log].count(429) == 1


def test_a_server_that_is_not_there_is_waited_for(rig: Rig) -> None:
    rig.enter(1)
    rig.drive(rig.deliverer(url="http://127.0.0.1:1"), MINUTE_MS)
    assert rig.states() == {"ready": 1}
    assert {(line["outcome"], line["status"], line["in_doubt"]) for line in rig.log} == {("try_again", 0, False)}

    rig.drive(rig.deliverer(), 2 * MINUTE_MS)
    assert rig.stored_keys() == ["in_1"]


def test_a_clock_that_is_set_back_stops_nothing(rig: Rig) -> None:
    rig.enter(*range(20))
    deliverer = rig.deliverer(requests_per_minute=10)
    rig.drive(deliverer, SECOND_MS)
    rig.clock.advance(-DAY_MS)
    rig.drive(deliverer, MINUTE_MS + SECOND_MS)
    assert rig.states() == {"sent": 20}
