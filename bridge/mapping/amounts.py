"""The money of an event. The sign is given here, by the taxonomy's word, and nowhere else."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from bridge.mapping.fields import Found, UnusableError
from bridge.mapping.paths import FactPath, shown
from bridge.mapping.scalars import clean_text, is_plain
from bridge.mapping.taxonomy import Flow
from bridge.values.records import Document

_CURRENCY = re.compile(r"[A-Z]{3}")


@dataclass(frozen=True, slots=True)
class Amounts:
    """The signed revenue and its currency (None when there is none), and all properties that come with them."""

    revenue: Decimal | None = None
    currency: str | None = None
    properties: dict[str, Found] = field(default_factory=dict)


def read_amounts(facts: Document, path: FactPath, flow: Flow) -> Amounts:
    """What the money at a path comes to. In is positive, out is negative and states the sum as a refund too.

    Nothing when the event has no money or the facts state none: an unknown amount is absent, never 0.
    Raises UnusableError for a negative amount, one that is no number, or one without a currency.
    """
    money = path.read(facts)
    if flow is Flow.NONE or money is None:
        return Amounts()
    if not isinstance(money, dict):
        raise UnusableError(f"{path.text}: expected a document, found {shown(money)}")
    amount = _amount(money, "amount", path)
    if amount is None:
        return Amounts()
    return _signed(amount, money, path, flow)


def _signed(amount: Decimal, money: dict[str, Any], path: FactPath, flow: Flow) -> Amounts:
    currency = _currency(money, path)
    found = {
        "revenue": Found(_sign(amount, flow), f"{path.text}.amount"),
        "currency": Found(currency, f"{path.text}.currency"),
    }
    if flow is Flow.OUT:
        found["refund_amount"] = Found(amount, f"{path.text}.amount")
    for name, part in (("revenue_basis", "basis"), ("revenue_source", "source")):
        if isinstance(text := money.get(part), str) and text:
            found[name] = Found(clean_text(text), f"{path.text}.{part}")
    for name, part in (("tax", "tax"), ("net_revenue", "net")):
        if (beside := _amount(money, part, path)) is not None:
            found[name] = Found(_sign(beside, flow), f"{path.text}.{part}")
    return Amounts(found["revenue"].value, currency, found)


def _sign(amount: Decimal, flow: Flow) -> Decimal:
    return amount.copy_negate() if flow is Flow.OUT and amount else amount


def _amount(money: dict[str, Any], part: str, path: FactPath) -> Decimal | None:
    value = money.get(part)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise UnusableError(f"{path.text}.{part}: expected a number, found {shown(value)}")
    amount = Decimal(value)
    if not is_plain(amount):
        raise UnusableError(f"{path.text}.{part}: expected a number of moderate length")
    if amount < 0:
        raise UnusableError(f"{path.text}.{part}: is negative ({shown(amount)}); facts state sums without a sign")
    return amount.copy_abs()


def _currency(money: dict[str, Any], path: FactPath) -> str:
    currency = money.get("currency")
    if isinstance(currency, str) and _CURRENCY.fullmatch(currency):
        return currency
    raise UnusableError(f"{path.text}.currency: expected a three-letter code in upper case, found {shown(currency)}")
