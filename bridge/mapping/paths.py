"""Where a fact stands in the document: a dotted path, split once when the mapping is loaded."""

from decimal import Decimal
from typing import Any

from bridge.values.records import Document

SHOWN_CHARACTERS = 60


class FactPath:
    """`subscription.status`, or its parts when a key has a dot of its own."""

    __slots__ = ("parts", "text")

    def __init__(self, *parts: str) -> None:
        self.text = ".".join(parts)
        self.parts = parts if len(parts) > 1 else tuple(self.text.split("."))

    def read(self, facts: Document) -> Any:
        """The value at this path; None when it is absent or null."""
        value: Any = facts
        for part in self.parts:
            if not isinstance(value, dict):
                return None
            value = value.get(part)
        return value

    def __repr__(self) -> str:
        return f"FactPath({self.text!r})"


def shown(value: Any) -> str:
    """A value as a sentence can hold it: escaped, bounded, without the inside of documents and lists."""
    match value:
        case str():
            words = repr(value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…")
        case None | bool():
            words = {None: "absent", True: "true", False: "false"}[value]
        case int() | Decimal():
            words = _shown_number(value)
        case _:
            words = "a list" if isinstance(value, list) else "a document"
    return words


def _shown_number(value: int | Decimal) -> str:
    if isinstance(value, int) and abs(value) >= 1 << 63:  # Python refuses to write out really long ones
        return "a very long number"
    text = str(value)
    return text if len(text) <= SHOWN_CHARACTERS else "a very long number"
