"""What a source may state: its facts by path, so that a mapping's words are checked before the first webhook."""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["text", "integer", "decimal", "boolean", "time", "document", "list"]
"""`time` is epoch milliseconds as an integer, `list` a list of texts, `document` anything nested."""

SOURCES = ("stripe", "apple", "google")


@dataclass(frozen=True, slots=True)
class FactSpec:
    """One fact: what it means and what it may hold.

    `values` are the words it may hold. When they are not `closed` (a source adds words any day) an unknown word
    is let through unless it looks like a slip of the pen for a known one. `open` is for a fact with free tails:
    `metadata` stands for `metadata.user_id` and everything else below it.
    """

    doc: str
    kind: Kind = "text"
    values: frozenset[str] | None = None
    closed: bool = True
    open: bool = False


COMMON: Mapping[str, FactSpec] = {
    "source": FactSpec("the source: stripe, apple or google", values=frozenset(SOURCES)),
    "type": FactSpec("the source's word for what happened"),
    "environment": FactSpec("whether money is real", values=frozenset({"production", "sandbox", "unknown"})),
    "occurred_at_ms": FactSpec("when it happened", "time"),
    "received_at_ms": FactSpec("when the bridge took the notification in", "time"),
    "notification_id": FactSpec("the source's id of the notification"),
    "key_prefix": FactSpec("what keys begin with when ids are unique only within it (a connected account)"),
    "transaction_id": FactSpec("the sale: the id that goes to FloKit as transaction_id"),
    "which": FactSpec("tells apart facts of one kind about one subject: the refund's id, the period"),
    "money": FactSpec("the sum: its parts are below", "document"),
    "money.amount": FactSpec("the amount in major units, never negative", "decimal"),
    "money.currency": FactSpec("ISO 4217 code in upper case"),
    "money.basis": FactSpec("how the amount is known", values=frozenset({"exact", "estimated"})),
    "money.source": FactSpec("the source's field that the amount came from"),
    "money.tax": FactSpec("the tax within the amount", "decimal"),
    "money.net": FactSpec("the amount without tax", "decimal"),
    "previous": FactSpec("what the ledger knows of the subject", "document"),
    "previous.user_id": FactSpec("the user of an earlier event of this subject"),
    "previous.anonymous_id": FactSpec("the anonymous id under which an earlier event was sent"),
}
"""Facts that every source states under the same path. A source's own entry for a path replaces the common one."""


class Vocabulary:
    """All facts of one source. Paths are dotted: `subscription.status`."""

    def __init__(self, facts: Mapping[str, FactSpec]) -> None:
        self.facts: Mapping[str, FactSpec] = {**COMMON, **facts}

    def find(self, path: str) -> FactSpec | None:
        """The fact at a path; below an open fact anything is a text. None when the source never states it."""
        if spec := self.facts.get(path):
            return replace(spec, kind="document") if spec.open else spec
        parts = path.split(".")
        above = (self.facts.get(".".join(parts[:end])) for end in range(len(parts) - 1, 0, -1))
        if any(spec and spec.open for spec in above):
            return FactSpec("a value of the app's own")
        if any(known.startswith(f"{path}.") for known in self.facts):
            return FactSpec("a group of facts", "document")
        return None

    def near(self, path: str) -> str:
        """The words "did you mean ..." for an unknown path, or nothing when no fact is close."""
        tail = path.partition(".")[2]
        below_open = [f"{known}.{tail}" for known, spec in self.facts.items() if spec.open and tail]
        return did_you_mean(path, [*self.facts, *below_open])


def is_slip(word: str, known: Iterable[str]) -> bool:
    """Whether a word looks like a known one mistyped: all dotted parts alike but one, and that one nearly.

    `invoice.piad` is; `invoice.overpaid`, which a source may well add, is not.
    """
    return any(_differs_in_one_part(word.split("."), other.split(".")) for other in known)


def _differs_in_one_part(parts: Sequence[str], others: Sequence[str]) -> bool:
    if len(parts) != len(others):
        return False
    pairs = [(part, other) for part, other in zip(parts, others, strict=True) if part != other]
    return len(pairs) == 1 and difflib.SequenceMatcher(None, *pairs[0]).ratio() >= 0.75


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """The words "did you mean ..." when a known word is close, else nothing."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.7)
    return f" (did you mean `{close[0]}`?)" if close else ""
