"""What one request to FloKit came to. A verdict says what to do with the events, whatever the status was."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Taken:
    """FloKit has the event. `event_id` is FloKit's own id for it where the answer names it."""

    status: int
    event_id: str = ""


@dataclass(frozen=True, slots=True)
class AllTaken:
    """FloKit has every event of a batch. `event_ids` are its own ids in the order sent; empty when it names none."""

    status: int
    event_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refused:
    """FloKit says that this event is not valid: sending it again as it is cannot help."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class TryAgain:
    """Not now. `status` is 0 when there was no answer; `delay_ms` is what FloKit asked for in `Retry-After`.

    `in_doubt` is true when FloKit may have taken the events all the same.
    """

    status: int
    reason: str
    in_doubt: bool
    delay_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Split:
    """FloKit refused a batch as a whole and took nothing of it: a smaller one tells which event is at fault."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The key or the address is wrong: nothing will be taken until a person changes what `reason` says."""

    status: int
    reason: str


Answer = list[Taken | Refused] | AllTaken | TryAgain | Split | Stop
"""Of one request: a verdict for each event, in the order sent, or one for all of them."""
