"""Money: a Decimal amount in a currency, exact from the first byte to the last."""

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

_CURRENCY = re.compile(r"[A-Z]{3}")


class Basis(StrEnum):
    """How an amount is known: stated by the source to the last unit, or worked out from something near it."""

    EXACT = "exact"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class Money:
    """An amount in major units (49.99) of an ISO 4217 currency in upper case."""

    amount: Decimal
    currency: str


def currency_code(text: str) -> str:
    """`usd` as `USD`. Raises ValueError when it is no three-letter code."""
    code = text.upper()
    if not _CURRENCY.fullmatch(code):
        raise ValueError(f"expected a three-letter currency code, found {text[:20]!r}")
    return code


def from_minor(units: int, currency: str, decimals: int) -> Money:
    """4999 with two decimals as 49.99. The number of decimals is the source's own, not ISO 4217's.

    Raises ValueError for a currency that is no code.
    """
    return Money(Decimal(units).scaleb(-decimals), currency_code(currency))
