"""The power goes at any moment: the bridge's process runs over a disk that is watched, and of all it wrote only what
was synced is sure to be there afterwards. The control, a bridge that syncs less, shows that the test would notice."""

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random, randrange
from shutil import rmtree
from typing import Self

from commands_rig import eventually
from safety.lines import ROOT, by_name
from safety.trees import damaged

from bridge.ledger.base import Settlement
from bridge.ledger.sqlite import SqliteLedger
from bridge.ledger.views import Kept
from bridge.standins.workspace import StoredEvent
from bridge.values.records import Environment, Event, Finding, Notification, Outcome

from .record import Disk, steps
from .rig import FAR_MS, LONG, Senders, WatchedHome, patient_flokit, sale, settings

CUTS = 400 if LONG else 60
SEED = int(os.environ.get("SEED") or randrange(1_000_000))
LANES, SALES_EACH = ("a", "b", "c", "d"), 40
SALES = len(LANES) * SALES_EACH


@dataclass
class Life:
    """What a bridge did to its disk, and where the record stood when the world learned of each sale."""

    record: Path
    acknowledged: dict[str, int] = field(default_factory=dict)
    arrived: dict[str, int] = field(default_factory=dict)

    @property
    def position(self) -> int:
        """Where the record stands now."""
        return self.record.stat().st_size

    def note_answer(self, name: str, status: int) -> None:
        """A sender has got an answer."""
        if status == 200:
            self.acknowledged[name] = self.position

    def note_arrival(self, event: StoredEvent) -> None:
        """FloKit has got an event."""
        self.arrived.setdefault(event.key.removeprefix("in_"), self.position)

    def lost(self, left: "Left") -> set[str]:
        """The sales that were acknowledged before the cut and are not on the disk that is left."""
        return {name for name, at in self.acknowledged.items() if at <= left.position} - left.kept

    def forgotten(self, left: "Left") -> set[str]:
        """The sales that had reached FloKit before the cut, of which the ledger that is left knows nothing."""
        return {name for name, at in self.arrived.items() if at <= left.position} - left.guarded


@dataclass(frozen=True)
class Left:
    """What the ledger holds after a power cut: the sales it has, and those it has sent or would only send alone."""

    position: int
    kept: set[str]
    guarded: set[str]

    @classmethod
    def read(cls, image: Path, position: int) -> Self:
        """Open what is left as the next process does. Each notification has to be whole, and settled with its event or
        not at all."""
        with closing(SqliteLedger.open(image / "ledger.sqlite")) as ledger:
            kept = {name_of(one): one for seq in ledger.find() if (one := ledger.kept(seq))}
            guarded = {one.key for one in ledger.events(SALES) if one.state == "sent"}
            guarded |= {one.key for one in ledger.ready(Environment.PRODUCTION, FAR_MS, SALES) if one.in_doubt}
            assert_nothing_is_doubled(ledger, kept.values())
        for name, one in kept.items():
            assert one.pending.notification.body == sale(name)
            assert [event.key for event in one.events] == ([f"in_{name}"] if one.outcome else [])
        return cls(position, set(kept), {key.removeprefix("in_") for key in guarded})


def a_life(folder: Path, tree: Path = ROOT) -> Life:
    """Run the bridge of a tree under load, until all is delivered."""
    folder.mkdir()
    life = Life(folder / "record")
    with patient_flokit() as (standin, url):
        standin.on_arrival = life.note_arrival
        home = WatchedHome(folder, settings(url), tree=tree)
        with home.running():
            Senders(home, life.note_answer).run(LANES, SALES_EACH)
            eventually(lambda: len(home.said("delivery")) == SALES)
    assert len(life.acknowledged) == len(life.arrived) == SALES
    return life


def power_cuts(life: Life, folder: Path) -> Iterator[Left]:
    """What so many power cuts leave."""
    rng = Random(SEED)
    story = list(steps(life.record))
    disk, done = Disk(), 0
    for cut in sorted(rng.sample(range(1, len(story) + 1), CUTS)):
        for step in story[done:cut]:
            disk.do(step)
        done = cut
        image = folder / f"cut_{cut}"
        image.mkdir(parents=True)
        disk.save_after_power_cut(image, rng)
        yield Left.read(image, story[cut - 1].position)
        assert_sound(image)
        rmtree(image)


def assert_nothing_is_doubled(ledger: SqliteLedger, kept: Collection[Kept]) -> None:
    """The webhooks come once more, and so does all that they became."""
    assert not any(ledger.keep([one.pending.notification for one in kept]))
    before = ledger.events(SALES)
    ledger.keep([Notification("stripe", "evt_more", "invoice.paid", Environment.PRODUCTION, 0, 0, b"{}")])
    same = [Event(one.name, one.key, one.environment, one.occurred_at_ms, one.body) for one in before]
    ledger.settle([Settlement(ledger.find()[-1], [Finding(Outcome.MAPPED, events=same)])], {}, FAR_MS)
    assert ledger.events(SALES * 2) == before


def assert_sound(image: Path) -> None:
    with closing(sqlite3.connect(image / "ledger.sqlite")) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def name_of(kept: Kept) -> str:
    return kept.pending.notification.id.removeprefix("evt_")


def test_after_a_power_cut_nothing_acknowledged_is_lost_and_nothing_sent_is_forgotten(tmp_path: Path) -> None:
    life = a_life(tmp_path / "life")
    for left in power_cuts(life, tmp_path / "left"):
        where = f"seed {SEED}, power cut at {left.position} of {life.record}"
        assert life.lost(left) == set(), where
        assert life.forgotten(left) == set(), where


def test_the_control_which_syncs_less_loses(tmp_path: Path) -> None:
    tree = damaged(by_name("sync at each commit"), ROOT, tmp_path / "tree")
    life = a_life(tmp_path / "life", tree)
    lost = [len(life.lost(left)) for left in power_cuts(life, tmp_path / "left")]
    print(f"control: {sum(map(bool, lost))} of {CUTS} power cuts lost acknowledged sales, up to {max(lost)} of {SALES}")
    assert sum(map(bool, lost)) > CUTS // 10
