"""One property of a mapping: where its value comes from, and how it is turned into what is sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.mapping.conversions import Conversion
from bridge.mapping.paths import FactPath
from bridge.mapping.scalars import property_value
from bridge.values.records import Document


class UnusableError(Exception):
    """A value that is there and cannot be used; the text names where it came from."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value, and the path it came from (empty for a constant)."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Field:
    """The first present value of several paths, or a constant; converted, then looked up in a table.

    With a table, the first path whose value has an entry wins. Without any entry there is no value, unless
    `keep_unlisted`: then the first present one stands as it is.
    """

    paths: tuple[FactPath, ...] = ()
    constant: Any = None
    conversion: Conversion | None = None
    table: Mapping[str, str] | None = None
    keep_unlisted: bool = False

    def read(self, facts: Document) -> Found | None:
        """The value, or None when it is absent. Raises UnusableError."""
        if self.constant is not None:
            return Found(self.constant, "")
        if self.table is None:
            return self._first_present(facts)
        return self._first_listed(facts, self.table) or (self._first_present(facts) if self.keep_unlisted else None)

    def _first_present(self, facts: Document) -> Found | None:
        for path in self.paths:
            if (value := self._converted(path, facts)) not in (None, ""):
                return Found(value, path.text)
        return None

    def _first_listed(self, facts: Document, table: Mapping[str, str]) -> Found | None:
        for path in self.paths:
            value = self._converted(path, facts)
            if isinstance(value, str) and value in table:
                return Found(table[value], path.text)
        return None

    def _converted(self, path: FactPath, facts: Document) -> Any:
        value = path.read(facts)
        try:
            if value is not None and self.conversion:
                value = self.conversion.convert(value)
            return None if value is None else property_value(value)
        except ValueError as error:
            raise UnusableError(f"{path.text}: {error}") from None
