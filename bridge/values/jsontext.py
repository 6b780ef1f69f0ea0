"""JSON in and out without a float ever touching an amount."""

import json
from decimal import Decimal
from typing import Any

import orjson

MAX_DIGITS = 400  # of one number; anything longer is no amount, and turning it into an int costs quadratic time


def loads(body: bytes | str) -> Any:
    """Parse JSON; numbers with a point or exponent become Decimal, whole ones int.

    Raises ValueError for anything that is no JSON, is nested too deeply, or holds an absurdly long number.
    """
    try:
        return json.loads(body, parse_float=_decimal, parse_int=_integer, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("the JSON is nested too deeply") from None


def dumps(value: Any) -> bytes:
    """Compact JSON; a Decimal is written digit for digit (49.90 stays 49.90), so is an int of any length.

    Half a character (a lone surrogate, which JSON can spell and UTF-8 cannot) becomes a question mark.
    """
    return _dumps(value, 0)


def dumps_pretty(value: Any) -> str:
    """The same for people: indented, keys as they stand."""
    return _dumps(value, orjson.OPT_INDENT_2).decode()


def _dumps(value: Any, option: int) -> bytes:
    try:
        return orjson.dumps(value, default=_exact, option=option)
    except TypeError:  # what only a stranger would write: integers over 64 bits, lone surrogates
        return orjson.dumps(_tame(value), default=_exact, option=option)


def _tame(value: Any) -> Any:
    if isinstance(value, dict):
        return {_tame(key): _tame(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_tame(one) for one in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not isinstance(value, bool):
        return orjson.Fragment(str(value))
    return value


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal) and value.is_finite():
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON form")


def _decimal(text: str) -> Decimal:
    if len(text) > MAX_DIGITS:
        raise ValueError("a number is too long")
    value = Decimal(text)
    if abs(value.adjusted()) > MAX_DIGITS:  # 1e999999999 is nine characters and a gigabyte of digits
        raise ValueError("a number is too large")
    return value


def _integer(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise ValueError("a number is too long")
    return int(text)


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON number")
