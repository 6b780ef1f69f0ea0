"""What may stand in an event's properties, and what a condition compares."""

from decimal import Decimal
from typing import Any

MAX_TEXT = 500  # characters; longer ones are cut: a property is for grouping, not for storage
MAX_ITEMS = 100  # of a list of texts
MAX_DIGITS = 40  # of a decimal, on either side of the point


def clean_text(text: str) -> str:
    """A text cut to its bound; half a surrogate pair, which no JSON may hold, becomes a question mark."""
    return text[:MAX_TEXT].encode("utf-8", "replace").decode()


def property_value(value: Any) -> Any:
    """A value as it may be sent: text, true or false, number, or a list of texts.

    Raises ValueError for anything else, and for numbers that no JSON reader takes.
    """
    match value:
        case bool():
            return value
        case str():
            return clean_text(value)
        case int() if abs(value) < 1 << 63:
            return value
        case Decimal() if is_plain(value):
            return value
        case list() if all(isinstance(item, str) for item in value):
            return [clean_text(item) for item in value[:MAX_ITEMS]]
    raise ValueError("expected a text, true or false, a number of moderate length, or a list of texts")


def is_plain(value: Decimal) -> bool:
    """Whether a decimal is a number that can be written out in a moderate number of digits."""
    sign_digits_exponent = value.as_tuple()
    exponent = sign_digits_exponent.exponent
    return isinstance(exponent, int) and abs(exponent) <= MAX_DIGITS and len(sign_digits_exponent.digits) <= MAX_DIGITS


def same(fact: Any, wanted: Any) -> bool:
    """Equality without surprises: true is not 1, and a NaN equals nothing."""
    if isinstance(fact, bool) or isinstance(wanted, bool):
        return fact is wanted
    if isinstance(fact, Decimal) and not fact.is_finite():
        return False
    return bool(fact == wanted)
