"""What the stand-in Google's Play Developer API knows: purchases by token, orders by id.

The documents have the shape of Google's (https://developers.google.com/android-publisher/api-ref/rest), including
what it leaves out: zeros, `false`, and empty lists. A test may put any document of its own here; `Life` (in
`google_life`) writes those of a subscription that lives.
"""

from decimal import Decimal

from bridge.values.records import Document
from bridge.values.times import Clock, from_iso

NANOS = Decimal(1_000_000_000)
PAGE = 1_000

Key = tuple[str, str]
"""A package, and a purchase token or order id in it."""


class Play:
    """The store. Everything may be read and set at any time."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.subscriptions: dict[Key, Document] = {}
        self.one_time_purchases: dict[Key, Document] = {}
        self.orders: dict[Key, Document] = {}
        self.expired_tokens: set[Key] = set()
        self.voids: list[tuple[str, Document]] = []
        self._bases = 0

    def new_order_id(self) -> str:
        """The id of a first order, in Google's form; renewals append `..0`, `..1`, …"""
        self._bases += 1
        return f"GPA.3300-0000-{self._bases // 100_000:04}-{self._bases % 100_000:05}"

    def put_order(self, package: str, order: Document) -> None:
        """Keep an order under its own id."""
        self.orders[package, order["orderId"]] = order

    def void(self, package: str, order: Document, *, one_time: bool = False) -> Document:
        """Note a void for the list of voided purchases. Gives the `voidedPurchaseNotification`."""
        row = {"purchaseToken": order["purchaseToken"], "orderId": order["orderId"]}
        times = {"purchaseTimeMillis": str(from_iso(order["createTime"])), "voidedTimeMillis": str(self.clock())}
        listed = {"kind": "androidpublisher#voidedPurchase", "voidedSource": 1, "voidedReason": 1}
        self.voids.append((package, {**listed, **times, **row}))
        return {**row, "productType": 2 if one_time else 1, "refundType": 1}

    def voided(self, package: str, since_ms: int, until_ms: int, after: int) -> tuple[list[Document], int]:
        """A page of the voided purchases from place `after` on, and the place of the next page (0: there is none)."""
        rows = [
            row
            for owner, row in self.voids
            if owner == package and since_ms <= int(row["voidedTimeMillis"]) <= until_ms
        ]
        end = after + PAGE
        return rows[after:end], end if end < len(rows) else 0


def money(amount: Decimal, currency: str) -> Document:
    """An amount as Google writes it: `units` as text and `nanos` as a number, each left out when it is zero."""
    units = int(amount)
    nanos = int((amount - units) * NANOS)
    document: Document = {"currencyCode": currency}
    if units:
        document["units"] = str(units)
    if nanos:
        document["nanos"] = nanos
    return document


def amount(document: Document) -> Decimal:
    """The other way round."""
    return Decimal(document.get("units", 0)) + Decimal(document.get("nanos", 0)) / NANOS
