"""A typed look into a JSON document that somebody else wrote.

Sources move fields from one version to the next, so each read takes several places, the newest first. What is absent
or null is None; what is there and of the wrong type raises BadNotification, which names the place and what was
expected, never the value (it may be personal).
"""

from collections.abc import Iterator
from typing import Any

from bridge.errors import BadNotification
from bridge.values.records import Document

MAX_TEXT = 5_000  # characters; the longest documented text field of any source is far below


class Reader:
    """One object of the document; `at` is where it stands, for errors."""

    __slots__ = ("at", "document")

    def __init__(self, document: Any, at: str = "") -> None:
        if not isinstance(document, dict):
            raise BadNotification(f"{at or 'the notification'}: expected an object, found {_kind(document)}")
        self.document: Document = document
        self.at = at

    def text(self, *places: str) -> str | None:
        """The first text at one of the places; an empty one counts as absent."""
        for where, value in self._found(places):
            if not isinstance(value, str):
                raise self._wrong(where, "text", value)
            if len(value) > MAX_TEXT:
                raise BadNotification(f"{self._name(where)}: expected at most {MAX_TEXT} characters")
            if value:
                return value
        return None

    def integer(self, *places: str) -> int | None:
        """The first whole number."""
        for where, value in self._found(places):
            if not isinstance(value, int) or isinstance(value, bool):
                raise self._wrong(where, "a whole number", value)
            return value
        return None

    def flag(self, *places: str) -> bool | None:
        """The first true or false."""
        for where, value in self._found(places):
            if not isinstance(value, bool):
                raise self._wrong(where, "true or false", value)
            return value
        return None

    def identifier(self, *places: str) -> str | None:
        """The first id: a text, or an expanded object that carries one as `id`."""
        for where, value in self._found(places):
            ident = value.get("id") if isinstance(value, dict) else value
            if not isinstance(ident, str):
                raise self._wrong(where, "an id", value)
            if ident:
                return ident
        return None

    def child(self, *places: str) -> "Reader":
        """The first object; an empty one when there is none. An id where an object may be expanded counts as absent."""
        for where, value in self._found(places):
            if isinstance(value, str):
                continue
            return Reader(value, self._name(where))
        return Reader({}, self._name(places[0]))

    def children(self, *places: str) -> list["Reader"]:
        """The objects of the first list, or of the `data` of the first list object. Ids in it are left out."""
        for where, value in self._found(places):
            rows = value.get("data", []) if isinstance(value, dict) else value
            if not isinstance(rows, list):
                raise self._wrong(where, "a list", value)
            name = self._name(where)
            return [Reader(row, f"{name}[{index}]") for index, row in enumerate(rows) if not isinstance(row, str)]
        return []

    def has(self, key: str) -> bool:
        """Whether the key is there at all, be it null."""
        return key in self.document

    def __bool__(self) -> bool:
        return bool(self.document)

    def _found(self, places: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for where in places:
            value: Any = self.document
            for key in where.split("."):
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                yield where, value

    def _name(self, where: str) -> str:
        return f"{self.at}.{where}" if self.at else where

    def _wrong(self, where: str, wanted: str, value: Any) -> BadNotification:
        return BadNotification(f"{self._name(where)}: expected {wanted}, found {_kind(value)}")


def _kind(value: Any) -> str:
    kinds = {bool: "true or false", int: "a number", str: "text", list: "a list", dict: "an object", type(None): "null"}
    return kinds.get(type(value), "a number")
