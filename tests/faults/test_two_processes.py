"""Two processes on one ledger: both take webhooks, one maps and delivers, and the other takes over when it dies."""

from collections import Counter
from contextlib import closing
from pathlib import Path
from threading import Thread

import pytest
from commands_rig import eventually, keys
from ledger_contract import LIVE, NOW_MS, event, mapped, notification

from bridge.ledger.base import Conflict, MemoryChange, Settlement
from bridge.ledger.sqlite import SqliteLedger

from .rig import HeardHome, Senders, await_sent, kept_names, patient_flokit, settings


def test_of_two_processes_under_load_the_worker_is_killed_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    acknowledged: set[str] = set()

    def answered(name: str, status: int) -> None:
        if status == 200:
            acknowledged.add(name)

    with patient_flokit() as (standin, url):
        first, second = HeardHome(tmp_path, settings(url)), HeardHome(tmp_path, settings(url))
        worker = first.spawn()
        assert worker.ready()
        with second.running():
            eventually(lambda: second.said("worker_waits"))
            loads = [
                Thread(target=Senders(home, answered).run, args=(lanes, 60))
                for home, lanes in ((first, ("a", "b")), (second, ("c", "d")))
            ]
            for load in loads:
                load.start()
            eventually(lambda: len(standin.stored) >= 20)
            worker.kill()
            for load in loads:
                load.join()
            await_sent(second, acknowledged)
    assert {"c_59", "d_59"} <= acknowledged
    assert first.said("delivery")
    assert second.said("delivery")
    assert acknowledged <= kept_names(second)
    assert {f"in_{name}" for name in acknowledged} <= set(keys(standin))
    assert set(Counter(keys(standin)).values()) == {1}


def test_what_one_has_written_the_other_knows(tmp_path: Path) -> None:
    file = tmp_path / "ledger.sqlite"
    with closing(SqliteLedger.open(file)) as one, closing(SqliteLedger.open(file)) as other:
        learned = {"stripe:sub_1": MemoryChange({"paid": True}, 0)}
        assert one.keep([notification("evt_1")]) == [True]
        one.settle([Settlement(1, [mapped(event("in_1"))])], learned, NOW_MS)
        assert other.keep([notification("evt_1"), notification("evt_2")]) == [False, True]
        other.settle([Settlement(2, [mapped(event("in_1"))])], {}, NOW_MS)
        with pytest.raises(Conflict):
            other.settle([], learned, NOW_MS)
        assert [ready.key for ready in one.ready(LIVE, NOW_MS, 10)] == ["in_1"]
        assert one.keep([notification("evt_2")]) == [False]
