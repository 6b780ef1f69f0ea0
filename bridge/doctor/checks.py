"""What a check says, and how many of them run at once within a time."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic

from bridge.errors import NotAllowed, NotYet, OutOfReach
from bridge.log import fault_place

AT_ONCE = 8

_IN_REACH = "See that this machine may call it: firewall, proxy, name service."
_LATER = "Try again in a few minutes."


class State(StrEnum):
    """What a check came to. WRONG and MISSING need a person, WAITING needs time, SKIPPED was not there to be tried."""

    OK = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    WAITING = "waiting"
    SKIPPED = "skipped"


BAD = frozenset({State.MISSING, State.WRONG})


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried: `says` is what was found, `do` what to do about it. Neither holds a secret."""

    name: str
    state: State
    says: str
    do: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """Checks that are made one after the other. `name` is theirs if they do not come to an end."""

    name: str
    checks: Callable[[], Iterable[Check]]


def unanswered(name: str, error: NotYet, do: str = "") -> Check:
    """The check of a question that got no answer. `do` is for what a person has to mend at the source."""
    if isinstance(error, NotAllowed):
        return Check(name, State.WRONG, error.reason, do)
    if isinstance(error, OutOfReach):
        return Check(name, State.WRONG, f"waiting for {error.reason}", _IN_REACH)
    return Check(name, State.WAITING, f"waiting for {error.reason}", do or _LATER)


def run(jobs: Sequence[Job], within_s: float) -> list[Check]:
    """The checks of all jobs, in the order of the jobs, several jobs at a time.

    What has not ended after `within_s` seconds is left behind and said to be wrong.
    """
    ahead: SimpleQueue[int] = SimpleQueue()
    for index in range(len(jobs)):
        ahead.put(index)
    found: SimpleQueue[tuple[int, Check | None]] = SimpleQueue()
    for _ in range(AT_ONCE):
        # A daemon: one that hangs must not hold up the end of the program.
        Thread(target=_work, args=(jobs, ahead, found), daemon=True).start()
    return _gathered(jobs, found, within_s)


def _work(jobs: Sequence[Job], ahead: SimpleQueue[int], found: SimpleQueue[tuple[int, Check | None]]) -> None:
    while True:
        try:
            index = ahead.get_nowait()
        except Empty:
            return
        for check in _each(jobs[index]):
            found.put((index, check))
        found.put((index, None))


def _each(job: Job) -> Iterable[Check]:
    try:
        yield from job.checks()
    except Exception as error:  # noqa: BLE001 - one check that fails must not take the others along
        fault = f"a fault of the bridge ({type(error).__name__} at {fault_place(error)})"
        yield Check(job.name, State.WRONG, fault, "Please report it.")


def _gathered(jobs: Sequence[Job], found: SimpleQueue[tuple[int, Check | None]], within_s: float) -> list[Check]:
    checks: list[list[Check]] = [[] for _ in jobs]
    unfinished = set(range(len(jobs)))
    end_at_s = monotonic() + within_s
    while unfinished:
        try:
            index, check = found.get(timeout=max(0.0, end_at_s - monotonic()))
        except Empty:
            break
        if check:
            checks[index].append(check)
        else:
            unfinished.remove(index)
    for index in unfinished:
        checks[index].append(
            Check(jobs[index].name, State.WRONG, f"no answer within {within_s:.0f} seconds", _IN_REACH)
        )
    return [check for of_job in checks for check in of_job]
