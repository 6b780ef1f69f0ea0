"""Where things stand in the DynamoDB ledger's one table.

Items with a key of their own:
    notification#<seq>  kept        what came, for good: its key makes a notification unique
                        body.<n>    the rest of a body that is too large for one item
                        outcome     what it became, while it is settled
    event#<seq>         event       an event, for good: its key makes an event unique
    memory#<subject>    memory      what is known of a subject

Lists, in the order of their sort keys, read strongly consistent; there is no index that could lag behind:
    received#<source>       notifications by the time of reception, with their bodies
    forgotten#<source>      those without a body, which was removed for its age
    pending#<source>        those to be mapped, as things happened
    trouble#<outcome>       those that became *unmapped* or *failed*, by the time of reception
    ready#<environment>     events to be sent, as things happened
    sent#<environment>      events that are sent and still have a body, by the time of sending
    dead#<environment>      events that FloKit refused, as things happened
    doubtful#<environment>  events that may arrive, or have arrived, twice
"""

from hashlib import sha256
from itertools import count

from bridge.values.records import Environment, Outcome

Key = tuple[str, str]
"""Partition key and sort key."""

TROUBLES = (Outcome.UNMAPPED, Outcome.FAILED)

LONGEST_SUBJECT_CHARS = 500  # of a partition key's 2,048 bytes

_places = count()


def notification_seq(source: str, id_: str) -> int:
    """The number of a notification, the same wherever it is kept."""
    return _seq(f"{source}\0{id_}")


def event_seq(environment: Environment, key: str) -> int:
    """The number of an event."""
    return _seq(f"{environment.value}\0{key}")


def kept(seq: int) -> Key:
    """What came."""
    return f"notification#{seq}", "kept"


def outcome(seq: int) -> Key:
    """What it became."""
    return f"notification#{seq}", "outcome"


def body_part(seq: int, part: int) -> Key:
    """One more part of a large body."""
    return f"notification#{seq}", f"body.{part:03d}"


def event(seq: int) -> Key:
    """An event."""
    return f"event#{seq}", "event"


def memory(subject: str) -> Key:
    """What is known of a subject."""
    is_long = len(subject) > LONGEST_SUBJECT_CHARS
    return f"memory#{sha256(subject.encode()).hexdigest() if is_long else subject}", "memory"


def received(source: str) -> str:
    """The list of a source's notifications."""
    return f"received#{source}"


def forgotten(source: str) -> str:
    """The list of a source's notifications without a body."""
    return f"forgotten#{source}"


def pending(source: str) -> str:
    """The list of those to be mapped."""
    return f"pending#{source}"


def trouble(what: str) -> str:
    """The list of those that became this."""
    return f"trouble#{what}"


def ready(environment: str) -> str:
    """The list of events to be sent."""
    return f"ready#{environment}"


def sent(environment: str) -> str:
    """The list of events that are sent and still have a body."""
    return f"sent#{environment}"


def dead(environment: str) -> str:
    """The list of refused events."""
    return f"dead#{environment}"


def doubtful(environment: str) -> str:
    """The list of events that FloKit may get twice."""
    return f"doubtful#{environment}"


def place(*times_ms: int) -> str:
    """A sort key: by these times, and where they are the same by the order in which this process asked."""
    return "#".join([*map(at, times_ms), f"{next(_places) % 10**8:08d}"])


def at(time_ms: int) -> str:
    """A time in a sort key."""
    return f"{min(max(time_ms, 0), 10**15):016d}"


def _seq(text: str) -> int:
    """63 bits of a hash, so that no counter is needed. Whoever writes checks that it stands for one thing only."""
    return int.from_bytes(sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big") >> 1
