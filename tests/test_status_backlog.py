"""What `bridge status` says of what is still to be sent, by the command itself over a ledger that delivery works on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands_rig import SECRET, Shell
from delivery_rig import Rig, Stage, stage

from bridge.ledger.base import AGES_MS
from bridge.standins.flokit import PRODUCTION_KEY
from bridge.standins.troubles import Answer, CutOff, Trouble
from bridge.values.records import Document, Environment
from bridge.values.times import HOUR_MS, MINUTE_MS, SECOND_MS, from_iso, system_clock


@pytest.fixture(scope="module")
def on_stage() -> Iterator[Stage]:
    with stage() as served:
        yield served


@pytest.fixture
def rig(tmp_path: Path, on_stage: Stage) -> Iterator[Rig]:
    """Its clock begins at the true time, by which the command goes."""
    rig = Rig(tmp_path, on_stage)
    rig.clock.now_ms = system_clock()
    yield rig
    rig.close()


def shown(folder: Path, **settings: str) -> tuple[Document, str]:
    """The status of a ledger as JSON and as text."""
    keys = {"STRIPE_WEBHOOK_SECRETS": SECRET, "FLOKIT_API_KEY": PRODUCTION_KEY}
    shell = Shell(folder, {key: value for key, value in {**keys, **settings}.items() if value})
    told = shell.run("status", "--json")
    assert told.code == 0, told.err
    document: Document = json.loads(told.out)
    return document, shell.run("status").out


def test_a_backlog_is_shown_by_age_with_its_end(rig: Rig, tmp_path: Path) -> None:
    now_ms = rig.clock()
    for age_ms, numbers in ((25 * HOUR_MS, range(5)), (2 * HOUR_MS, range(5, 20)), (0, range(20, 10_220))):
        rig.clock.now_ms = now_ms - age_ms
        rig.enter(*numbers)
    document, text = shown(tmp_path)

    (row,) = document["backlog"]
    assert (row["to_send"], row["due"], row["later"], row["waits_for"]) == (10_220, 10_220, 0, "")
    assert row["oldest_minutes"] == 25 * 60
    # 180 stay for single requests, the others fill 11 batches: 191 requests at 90 a minute.
    assert (row["requests"], row["takes_seconds"]) == (191, 128)
    assert 0 < from_iso(row["drained_at"]) - now_ms - 127 * SECOND_MS < MINUTE_MS
    assert "15 less than 6 h ago, 5 less than 7 days ago" in text
    assert "drained in about 3 min (191 requests), at 20" in text


@pytest.mark.parametrize(
    ("trouble", "says", "known"),
    [
        (Answer(503, {"Retry-After": "600"}, b"we are unwell"), "failed 1 times in a row (answered 503: we are", False),
        (CutOff(stores=True), "failed 1 times in a row (no answer from FloKit", False),
        (Answer(429, {"Retry-After": "600"}), "asks for fewer requests (429); tried again in 10 min", True),
        (Answer(401), "a person: FloKit answered 401: FloKit does not know the API key: set FLOKIT_API_KEY", False),
    ],
)
def test_what_the_backlog_waits_for(rig: Rig, tmp_path: Path, trouble: Trouble, says: str, known: bool) -> None:
    rig.standin.troubles.append(trouble)
    rig.enter(1, 2)
    rig.deliverer().step()
    document, text = shown(tmp_path)

    (row,) = document["backlog"]
    assert says in row["waits_for"]
    assert says in text
    assert (row["drained_at"] is not None) is known
    assert row["due"] + row["later"] == 2
    if isinstance(trouble, Answer):  # the pause after the other one is a second, which may have passed
        assert row["later"] == (0 if "person" in says else 1)


def test_success_ends_the_waiting(rig: Rig, tmp_path: Path) -> None:
    rig.standin.troubles.append(Answer(503))
    rig.enter(1, 2)
    rig.drive(rig.deliverer(), MINUTE_MS)
    document, _ = shown(tmp_path)
    assert (document["backlog"], rig.states()) == ([], {"sent": 2})


def test_each_environment_waits_for_its_own_key(rig: Rig, tmp_path: Path) -> None:
    for number, environment in enumerate(Environment):
        rig.enter(number, environment=environment)
    document, _ = shown(tmp_path, FLOKIT_API_KEY="")
    assert {row["environment"]: row["waits_for"] for row in document["backlog"]} == {
        "production": "FLOKIT_API_KEY, which is not set here",
        "sandbox": "FLOKIT_SANDBOX_API_KEY, which is not set here",
        "unknown": "a look-up that tells whether its money is real",
    }


def test_events_of_a_batch_whose_answer_was_lost_are_named_for_good(rig: Rig, tmp_path: Path) -> None:
    rig.standin.troubles.append(CutOff(stores=True))
    rig.enter(*range(200))
    deliverer = rig.deliverer()
    rig.drive(deliverer, 1)
    document, _ = shown(tmp_path)
    assert document["may_be_doubled"] == [{"environment": "production", "state": "ready", "count": 200}]

    rig.drive(deliverer, 10 * MINUTE_MS)
    document, text = shown(tmp_path)
    assert document["may_be_doubled"] == [{"environment": "production", "state": "sent", "count": 200}]
    assert "doubled  production: 200 sent may have arrived twice: FloKit's answer was lost" in text


def test_every_age_has_its_words(rig: Rig, tmp_path: Path) -> None:
    now_ms = rig.clock()
    for number, age_ms in enumerate((0, *AGES_MS[:-1])):
        rig.clock.now_ms = now_ms - age_ms - SECOND_MS
        rig.enter(number)
    document, _ = shown(tmp_path)
    assert [(age["entered"], age["count"]) for age in document["backlog"][0]["by_age"]] == [
        ("less than 1 min ago", 1),
        ("less than 10 min ago", 1),
        ("less than 1 h ago", 1),
        ("less than 6 h ago", 1),
        ("less than 24 h ago", 1),
        ("less than 7 days ago", 1),
        ("more than 7 days ago", 1),
    ]
