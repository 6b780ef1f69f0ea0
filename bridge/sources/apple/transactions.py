"""Apple's signed transactions, read into what the facts need.

Source: https://developer.apple.com/documentation/appstoreservernotifications/jwstransactiondecodedpayload
"""

from dataclasses import dataclass
from typing import TypeVar

from bridge.errors import BadNotification
from bridge.values.money import Basis, Money, currency_code, from_minor
from bridge.values.reader import Reader
from bridge.values.records import Document

T = TypeVar("T")

RECURRING = "Auto-Renewable Subscription"
FREE_TRIAL = "FREE_TRIAL"
INTRODUCTORY = 1  # https://developer.apple.com/documentation/appstoreservernotifications/offertype
MILLIUNIT_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class Transaction:
    """One charge of the App Store. Times are epoch milliseconds.

    `line` is the subscription (originalTransactionId). `milliunits` is the whole price for the whole quantity, tax
    included; None when Apple does not say, and for a share of the family, which is paid for once.
    """

    id: str
    line: str
    product: str | None
    at_ms: int
    until_ms: int | None
    milliunits: int | None
    currency: str | None
    reason: str | None
    recurring: bool
    is_trial: bool
    is_family: bool

    @property
    def is_first(self) -> bool:
        """The purchase that began the subscription. Its dates do not tell: they may differ by seconds."""
        return self.id == self.line

    @property
    def money(self) -> Document | None:
        """What was paid, as facts state it."""
        return money_of(self.milliunits, self.currency, "transaction.price")


def read_transaction(info: Reader) -> Transaction:
    """Read a decoded signedTransactionInfo. Raises BadNotification when it is not of the documented shape."""
    ident = needed(info.text("transactionId"), f"{info.at}.transactionId")
    is_family = info.text("inAppOwnershipType") == "FAMILY_SHARED"
    price, currency = milliunits_in(info, "price"), _currency(info)
    if price is not None:
        needed(currency, f"{info.at}.currency")
    return Transaction(
        id=ident,
        line=info.text("originalTransactionId") or ident,
        product=info.text("productId"),
        at_ms=needed(info.integer("purchaseDate"), f"{info.at}.purchaseDate"),
        until_ms=info.integer("expiresDate"),
        milliunits=None if is_family else price,
        currency=currency,
        reason=info.text("transactionReason"),
        recurring=info.text("type") == RECURRING,
        is_trial=is_trial(info),
        is_family=is_family,
    )


def is_trial(info: Reader) -> bool:
    """A free introductory offer. A price of 0 proves nothing, and an introductory offer may cost money; codes,
    win-back and retention offers may be FREE_TRIAL too, and are no trials."""
    return info.text("offerDiscountType") == FREE_TRIAL and info.integer("offerType") == INTRODUCTORY


def money_of(
    milliunits: int | None, currency: str | None, source: str, *, basis: Basis = Basis.EXACT
) -> Document | None:
    """An amount as facts state it; None when it is not known. `source` is the field it came from."""
    if milliunits is None or currency is None:
        return None
    money = amount_of(milliunits, currency)
    return {"amount": money.amount, "currency": money.currency, "basis": str(basis), "source": source}


def amount_of(milliunits: int, currency: str) -> Money:
    """Thousandths of a currency in major units, with as many decimals as it takes: 49990 is 49.99, 300000 is 300.

    Apple counts in thousandths whatever the currency, those without decimals included.
    """
    decimals = next(places for places in (0, 2, 3) if milliunits % 10 ** (MILLIUNIT_DECIMALS - places) == 0)
    return from_minor(milliunits // 10 ** (MILLIUNIT_DECIMALS - decimals), currency, decimals)


def milliunits_in(info: Reader, field: str) -> int | None:
    """An amount in a document of Apple's; None when it is not there. Raises BadNotification for a negative one."""
    amount = info.integer(field)
    if amount is not None and amount < 0:
        raise BadNotification(f"{info.at}.{field}: expected an amount without a sign")
    return amount


def needed(value: T | None, where: str) -> T:
    """The value, or BadNotification naming the field that is missing."""
    if value is None:
        raise BadNotification(f"{where} is missing")
    return value


def _currency(info: Reader) -> str | None:
    text = info.text("currency")
    try:
        return currency_code(text) if text else None
    except ValueError as error:
        raise BadNotification(f"{info.at}.currency: {error}") from None
