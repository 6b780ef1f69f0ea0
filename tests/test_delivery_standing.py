"""What of delivery outlives a process: the pause, the size of batches, and which events may have arrived twice."""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from delivery_rig import Rig, Stage, numbered, stage
from hypothesis import given
from hypothesis import strategies as st

from bridge.delivery.standing import KeptStanding, Standing, standing_of
from bridge.standins.flokit import PRODUCTION_KEY
from bridge.standins.troubles import Answer, CutOff
from bridge.values.records import Environment
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


def test_a_restart_honours_the_rest_that_flokit_asked_for(rig: Rig) -> None:
    rig.standin.troubles.append(Answer(429, {"Retry-After": "600"}))
    rig.enter(1, 2)
    rig.drive(rig.deliverer(), SECOND_MS)
    for _ in range(9):
        rig.drive(rig.deliverer(), MINUTE_MS)
    assert len(rig.standin.requests) == 1

    rig.drive(rig.deliverer(), 2 * MINUTE_MS)
    assert rig.standin.requests[1].at_ms - rig.standin.requests[0].at_ms == 10 * MINUTE_MS
    assert rig.states() == {"sent": 2}


def test_pauses_go_on_growing_over_restarts(rig: Rig) -> None:
    rig.standin.choke_on = lambda _: True
    rig.enter(*range(10))
    for _ in range(20):
        rig.drive(rig.deliverer(), MINUTE_MS)
    assert len(rig.standin.requests) < 16  # a process that forgot would have tried 6 times a minute

    rig.standin.choke_on = lambda _: False
    rig.drive(rig.deliverer(), 20 * MINUTE_MS)
    assert rig.states() == {"sent": 10}


def test_senders_side_by_side_keep_one_pause(rig: Rig) -> None:
    rig.enter(*range(4))
    first, second = rig.deliverer(), rig.deliverer()
    rig.standin.troubles.append(Answer(503, {"Retry-After": "60"}))
    assert first.step() == 0
    assert second.step() == first.step() == MINUTE_MS

    rig.clock.advance(MINUTE_MS)
    assert second.step() == 0
    assert first.step() == 0  # the other's success ended it for both
    assert len(rig.standin.requests) == 3


def test_of_two_that_write_at_once_the_faster_ones_word_stands(rig: Rig) -> None:
    first, second = (KeptStanding(rig.ledger, Environment.PRODUCTION) for _ in range(2))
    standing = first.read()
    assert second.read() == standing == Standing()
    first.write(Standing(failures=3), 0)
    second.write(Standing(batch_size=10), 0)
    assert second.read() == Standing(failures=3)


@pytest.mark.parametrize("set_by_ms", [-DAY_MS, -MINUTE_MS, DAY_MS])
def test_a_clock_that_is_set_never_lengthens_a_pause(rig: Rig, set_by_ms: int) -> None:
    rig.standin.troubles.append(Answer(503, {"Retry-After": "600"}))
    rig.enter(1, 2)
    rig.drive(rig.deliverer(), SECOND_MS)
    rig.clock.advance(set_by_ms)
    rig.drive(rig.deliverer(), 11 * MINUTE_MS)
    assert len(rig.standin.requests) > 1


@given(paused_at_ms=st.integers(0, 10**13), pause_ms=st.integers(0, HOUR_MS), now_ms=st.integers(0, 10**13))
def test_no_pause_is_longer_than_it_was_meant_to_be(paused_at_ms: int, pause_ms: int, now_ms: int) -> None:
    assert 0 <= Standing(paused_at_ms=paused_at_ms, pause_ms=pause_ms).wait_ms(now_ms) <= pause_ms


def test_a_stop_is_of_its_process_only_and_yet_told(rig: Rig) -> None:
    rig.enter(1)
    rig.drive(rig.deliverer("an_old_key"), MINUTE_MS)
    told = KeptStanding(rig.ledger, Environment.PRODUCTION).read()
    assert (told.stopped, told.status, told.wait_ms(rig.clock())) == (True, 401, 0)

    assert rig.deliverer(PRODUCTION_KEY).step() == 0
    assert KeptStanding(rig.ledger, Environment.PRODUCTION).read() == Standing()


def test_small_batches_outlive_a_restart(rig: Rig) -> None:
    rig.standin.batch_limit_bytes = 30_000
    rig.enter(*range(600))
    first = rig.deliverer()
    for _ in range(3):
        first.step()
    rig.deliverer().step()
    assert [line["count"] for line in rig.log] == [600, 300, 150, 300]  # the last one is not 450 or more


def test_words_of_a_later_version_are_passed_over() -> None:
    assert standing_of({"failures": 2, "mood": "bad"}) == Standing(failures=2)


def test_what_was_refused_for_now_is_not_doubtful(rig: Rig) -> None:
    rig.standin.troubles += [Answer(429), Answer(401)]
    rig.enter(*range(500))
    rig.drive(rig.deliverer(), HOUR_MS)
    assert rig.states() == {"sent": 500}
    assert not any(event.may_be_doubled for event in rig.entered().values())


def test_the_ledger_names_every_event_that_arrived_twice(rig: Rig) -> None:
    """Answers are lost now and then, of batches and of single events, with a restart here and there."""
    rng = Random(11)
    deliverer = rig.deliverer(requests_per_minute=10)
    for first in range(0, 120, 30):
        rig.enter(*range(first, first + 30))
        rig.standin.troubles += rng.sample([CutOff(stores=True), CutOff(stores=False), Answer(500)], k=2)
        rig.drive(deliverer, rng.randint(1, 5) * MINUTE_MS)
        deliverer = rng.choice([deliverer, rig.deliverer(requests_per_minute=10)])
    rig.drive(deliverer, HOUR_MS)

    arrived = rig.stored_keys()
    doubled = {key for key in arrived if arrived.count(key) > 1}
    named = {key for key, event in rig.entered().items() if event.may_be_doubled}
    assert set(arrived) == set(numbered(range(120)))
    assert doubled
    assert doubled <= named
    assert rig.ledger.status(rig.clock()).doubtful == {("production", "sent"): len(named)}


def test_a_key_is_no_protection_after_24_hours_and_the_ledger_says_so(rig: Rig) -> None:
    rig.standin.troubles += [CutOff(stores=True), CutOff(stores=True)]
    rig.enter(1, 2)
    rig.drive(rig.deliverer(), SECOND_MS // 2)
    rig.clock.advance(HOUR_MS)
    rig.deliverer().step()  # the other one: its answer is lost an hour later
    rig.clock.advance(23 * HOUR_MS + MINUTE_MS)
    rig.drive(rig.deliverer(), MINUTE_MS)

    named = {key for key, event in rig.entered().items() if event.may_be_doubled}
    twice = {key for key in rig.stored_keys() if rig.stored_keys().count(key) == 2}
    assert rig.states() == {"sent": 2}
    assert named == twice
    assert len(named) == 1
