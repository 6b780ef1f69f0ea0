"""Lost answers, crashes and outages: every event arrives, and arrives once."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from delivery_rig import Rig, Stage, numbered, stage

from bridge.standins.flokit import PRODUCTION_KEY
from bridge.standins.troubles import Answer, CutOff, Hang, Trouble
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

ACCEPT_THEN_BREAK = [CutOff(stores=True), Hang(stores=True), Answer(500, stores=True), Answer(200, stores=True)]


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def rig(tmp_path: Path, on_stage: Stage) -> Iterator[Rig]:
    rig = Rig(tmp_path, on_stage)
    yield rig
    rig.close()


@pytest.mark.parametrize("trouble", ACCEPT_THEN_BREAK)
def test_a_lost_answer_makes_no_second_event(rig: Rig, trouble: Trouble) -> None:
    rig.standin.troubles.append(trouble)
    rig.enter(1)
    rig.drive(rig.deliverer(), MINUTE_MS)

    (stored,) = rig.standin.stored
    assert len(rig.standin.requests) == 2
    assert rig.entered()["in_1"].flokit_event_id == stored.event_id


def test_an_event_in_doubt_never_joins_a_batch(rig: Rig) -> None:
    rig.standin.troubles.append(CutOff(stores=True))
    rig.enter(0)
    rig.drive(rig.deliverer(), 1)
    rig.enter(*range(1, 500))
    rig.drive(rig.deliverer(), 10 * MINUTE_MS)

    assert sorted(rig.stored_keys()) == sorted(numbered(range(500)))
    # After the failure one goes alone first, by whichever process.
    assert [request.key for request in rig.standin.requests] == ["in_0", "in_1", "", "in_0"]


def test_an_event_stays_in_doubt_through_failures_that_are_not(rig: Rig) -> None:
    rig.standin.troubles += [CutOff(stores=True), Answer(429), Answer(401)]
    rig.enter(0)
    rig.drive(rig.deliverer(), 20 * SECOND_MS)
    rig.enter(*range(1, 500))
    rig.drive(rig.deliverer(), 10 * MINUTE_MS)

    assert sorted(rig.stored_keys()) == sorted(numbered(range(500)))


def test_a_batch_that_was_refused_for_now_may_go_as_a_batch_again(rig: Rig) -> None:
    rig.standin.troubles.append(Answer(429, {"Retry-After": "3"}))
    rig.enter(*range(500))
    rig.drive(rig.deliverer(), MINUTE_MS)

    assert [request.path for request in rig.standin.requests[:3]] == [
        "/v1/batch/events",
        "/v1/events",
        "/v1/batch/events",
    ]
    assert rig.states() == {"sent": 500}
    assert sorted(rig.stored_keys()) == sorted(numbered(range(500)))


def test_a_batch_whose_answer_is_lost_is_sent_again_rather_than_lost(rig: Rig) -> None:
    rig.standin.troubles.append(CutOff(stores=True))
    rig.enter(*range(200))
    rig.drive(rig.deliverer(), 10 * MINUTE_MS)

    assert rig.states() == {"sent": 200}
    assert set(rig.stored_keys()) == set(numbered(range(200)))
    assert len(rig.stored_keys()) <= 400


def test_an_outage_puts_at_most_one_batch_in_doubt(rig: Rig) -> None:
    rig.standin.choke_on = lambda _: True
    rig.enter(*range(250))
    deliverer = rig.deliverer()
    rig.drive(deliverer, SECOND_MS)
    rig.enter(*range(250, 500))
    rig.drive(deliverer, HOUR_MS)
    assert [request.path for request in rig.standin.requests].count("/v1/batch/events") == 1

    rig.standin.choke_on = lambda _: False
    rig.drive(deliverer, 30 * MINUTE_MS)
    assert rig.states() == {"sent": 500}
    assert sorted(rig.stored_keys()) == sorted(numbered(range(500)))


CRASHING = """
import sys
from pathlib import Path
from bridge.delivery.budget import WindowBudget
from bridge.delivery.deliverer import Deliverer
from bridge.delivery.flokit import FlokitClient
from bridge.ledger.sqlite import SqliteLedger
from bridge.values.records import Environment
from bridge.values.times import system_clock

path, url, api_key = sys.argv[1:]
Deliverer(
    SqliteLedger.open(Path(path)),
    FlokitClient(url, api_key),
    environment=Environment.PRODUCTION,
    clock=system_clock,
    budget=WindowBudget(90, system_clock),
    requests_per_minute=90,
    log=lambda event, **fields: None,
).step()
"""


def test_a_process_killed_between_sending_and_marking_makes_no_second_event(rig: Rig, tmp_path: Path) -> None:
    rig.standin.troubles.append(Hang(stores=True))
    rig.enter(0)
    arguments = [str(tmp_path / "bridge.sqlite"), rig.url, PRODUCTION_KEY]
    with subprocess.Popen([sys.executable, "-c", CRASHING, *arguments]) as process:
        wait_until_stored(rig, 1)
        process.kill()
    assert process.returncode == -signal.SIGKILL

    rig.enter(*range(1, 500))  # enough for a batch, which has no key to protect the event that may be there
    rig.drive(rig.deliverer(), 10 * MINUTE_MS)
    assert sorted(rig.stored_keys()) == sorted(numbered(range(500)))


def test_a_day_without_answers_loses_nothing(rig: Rig) -> None:
    rig.enter(1)
    deliverer = rig.deliverer()
    rig.standin.choke_on = lambda _: True
    rig.drive(deliverer, DAY_MS + HOUR_MS)
    assert rig.states() == {"ready": 1}
    assert len(rig.standin.requests) < 25 * 60 / 12 + 20  # not more often than every 12 minutes after a while

    rig.standin.choke_on = lambda _: False
    rig.drive(deliverer, 20 * MINUTE_MS)
    assert rig.stored_keys() == ["in_1"]


def test_an_event_in_doubt_after_more_than_24_hours_is_sent_rather_than_lost(rig: Rig) -> None:
    rig.standin.troubles.append(CutOff(stores=False))
    rig.enter(1)
    rig.drive(rig.deliverer(), 1)
    rig.clock.advance(DAY_MS + 1)
    rig.drive(rig.deliverer(), MINUTE_MS)

    assert rig.stored_keys() == ["in_1"]
    assert rig.states() == {"sent": 1}


def wait_until_stored(rig: Rig, count: int) -> None:
    end_s = time.monotonic() + 20
    while len(rig.standin.stored) < count:
        assert time.monotonic() < end_s, "the event did not arrive"
        time.sleep(0.01)
