"""The conversions that a mapping may name with `convert`. What these cannot do is stated by the source, as a fact."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bridge.mapping.countries import ALPHA_2_OF_ALPHA_3
from bridge.mapping.vocabulary import Kind
from bridge.values.times import SECOND_MS, iso


@dataclass(frozen=True, slots=True)
class Conversion:
    """A function of one value, and the kinds of fact it takes.

    It gives None when the value has no counterpart, and raises ValueError when it is of the wrong form.
    """

    doc: str
    takes: frozenset[Kind]
    convert: Callable[[Any], str | None]


def _iso_time(value: Any) -> str:
    return iso(_whole_number(value))


def _seconds_to_iso(value: Any) -> str:
    return iso(_whole_number(value) * SECOND_MS)


def _alpha2(value: Any) -> str | None:
    code = _text(value).upper()
    return code if len(code) == 2 and code.isalpha() and code.isascii() else ALPHA_2_OF_ALPHA_3.get(code)


def _lower(value: Any) -> str:
    return _text(value).lower()


def _upper(value: Any) -> str:
    return _text(value).upper()


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else str(_whole_number(value))


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("expected a text")
    return value


def _whole_number(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 63:
        raise ValueError("expected a whole number of at most 63 bits")
    return value


_TEXT: frozenset[Kind] = frozenset({"text"})
_NUMBER: frozenset[Kind] = frozenset({"time", "integer"})

CONVERSIONS: Mapping[str, Conversion] = {
    "iso_time": Conversion("epoch milliseconds as ISO 8601 UTC", _NUMBER, _iso_time),
    "seconds_to_iso": Conversion("epoch seconds as ISO 8601 UTC", _NUMBER, _seconds_to_iso),
    "alpha2": Conversion("a country as ISO 3166-1 alpha-2; absent when it is no country", _TEXT, _alpha2),
    "lower": Conversion("a text in lower case", _TEXT, _lower),
    "upper": Conversion("a text in upper case", _TEXT, _upper),
    "text": Conversion("a whole number as text", _TEXT | _NUMBER, _as_text),
}
