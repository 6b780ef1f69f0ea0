"""The record of all that a process did to its disk, and what is left of it when the power goes.

What was synced survives. What was not may survive as well, in any part and in any order, down to a sector: that is
all a disk promises (https://sqlite.org/atomiccommit.html#_hardware_assumptions).
"""

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

SECTOR_BYTES = 512


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was done to a file: write (`at`: offset), truncate (`at`: size), sync, delete.

    `position` is where the record stood once it held this step.
    """

    what: str
    file: str
    at: int
    data: bytes = field(repr=False)
    position: int


class Recorder:
    """Appends steps to a file, each at once and in one piece."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def __call__(self, what: str, file: str, at: int, data: bytes) -> None:
        """Append one step."""
        head = json.dumps([what, file, at, len(data)]).encode()
        os.write(self._descriptor, head + b"\n" + data)


def steps(path: Path) -> Iterator[Step]:
    """The steps of a record, in order."""
    with path.open("rb") as record:
        for head in record:
            what, file, at, size = json.loads(head)
            yield Step(what, file, at, record.read(size), record.tell())


class Disk:
    """The files as a process sees them, of which only a part is safe from a power cut."""

    def __init__(self) -> None:
        self._safe: dict[str, bytearray] = {}
        self._unsafe: defaultdict[str, list[Step]] = defaultdict(list)

    def do(self, step: Step) -> None:
        """Do what the process did."""
        if step.what != "sync":
            self._unsafe[step.file].append(step)
            return
        if step.file not in self._safe:  # the first sync of a new file syncs its folder too, where files are deleted
            self._make_safe([name for name, steps in self._unsafe.items() if steps[-1].what == "delete"])
        self._make_safe([step.file])

    def _make_safe(self, names: Iterable[str]) -> None:
        for name in names:
            for done in self._unsafe.pop(name, ()):
                _do(self._safe, done)

    def save_after_power_cut(self, folder: Path, rng: Random) -> None:
        """Write what is left into a folder. `rng` decides what survives of that which was not synced."""
        left = {name: bytearray(content) for name, content in self._safe.items()}
        for unsynced in self._unsafe.values():
            luck = rng.choice((0.0, 0.5, 1.0))
            for step in unsynced:
                if rng.random() < luck:
                    _do(left, _torn(step, rng))
        for name, content in left.items():
            (folder / name).write_bytes(content)


def _do(files: dict[str, bytearray], step: Step) -> None:
    if step.what == "delete":
        files.pop(step.file, None)
    elif step.what == "truncate":
        del files.setdefault(step.file, bytearray())[step.at :]
    elif step.what == "write":
        content = files.setdefault(step.file, bytearray())
        content.extend(bytes(max(step.at - len(content), 0)))
        content[step.at : step.at + len(step.data)] = step.data


def _torn(step: Step, rng: Random) -> Step:
    """The step, or its first sectors alone."""
    if step.what != "write" or rng.random() < 0.7:
        return step
    sectors = rng.randrange(len(step.data) // SECTOR_BYTES + 1)
    return Step(step.what, step.file, step.at, step.data[: sectors * SECTOR_BYTES], step.position)
