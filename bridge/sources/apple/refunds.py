"""Money out: refunds, what Apple takes back of them, and the unused part of a period that an upgrade cut short."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal

from bridge.errors import BadNotification
from bridge.sources.apple.book import ITEM, PRICE, REFUND, UPGRADE, Book, Entry
from bridge.sources.apple.common import Context, about_period, about_transaction, without_none
from bridge.sources.apple.periods import Period
from bridge.sources.apple.transactions import Transaction, milliunits_in, money_of, needed, read_transaction
from bridge.values.money import Basis
from bridge.values.reader import Reader
from bridge.values.records import Document

# https://developer.apple.com/documentation/appstoreservernotifications/revocationpercentage: 40 % is 40000.
WHOLE = 100_000
# https://developer.apple.com/documentation/appstoreservernotifications/revocationreason
REASONS = {0: "other", 1: "app_issue"}


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What went back of one transaction: that of the notification, or an earlier one of the same subscription."""

    context: Context
    transaction: Transaction

    @property
    def book(self) -> Book:
        """The book of the transaction."""
        context = self.context
        return Book(context.memory, context.charge(self.transaction.id), context.notification.id)

    def gone(self, entry: Entry) -> Document:
        """The fact that money went back."""
        return self._fact("refund", entry, at_ms=entry.at_ms, which=entry.which)

    def came_back(self, entry: Entry, at_ms: int) -> Document:
        """The fact that it was taken back again, at `at_ms`."""
        return self._fact("refund_undone", entry, at_ms=at_ms, which=entry.undone_which or entry.which)

    def undone(self, own: Sequence[Entry] = ()) -> Iterator[Document]:
        """The facts about what has been undone, as far as this notification is the one to state them."""
        for entry, at_ms in self.book.to_state(own):
            yield self.came_back(entry, at_ms)

    def _fact(self, word: str, entry: Entry, *, at_ms: int, which: str) -> Document:
        transaction = self.transaction
        refund = {"id": f"{transaction.id}-{entry.which}", "kind": entry.kind}
        if transaction.id == self.context.transaction.id:
            about = about_transaction(self.context)
            refund |= without_none({"reason": _reason(self.context.info)}) if entry.kind != UPGRADE else {}
        else:
            about = about_period(self.context, transaction)
        money = money_of(entry.milliunits, transaction.currency, entry.source, basis=Basis(entry.basis))
        return self.context.fact(word, at_ms=at_ms, which=which, money=money, refund=refund, **about)


def refunded(context: Context) -> list[Document]:
    """`REFUND`, of any kind of purchase; often an old period, while a newer one goes on."""
    transaction = context.transaction
    if transaction.is_family or _share(context.info) == 0:
        return [access_revoked(context)]
    stated = list(_entries(context.info, transaction, context.signed_at_ms))
    back = GivenBack(context, transaction)
    own = [back.book.add(entry) for entry in stated]
    return [*(back.gone(entry) for entry in own), *back.undone(own)]


def refund_reversed(context: Context) -> list[Document]:
    """`REFUND_REVERSED`: gives back what was really taken, as the ledger remembers it."""
    transaction = context.transaction
    back = GivenBack(context, transaction)
    sale_known = "sold_by" in context.memory.recall(context.charge(transaction.id))
    alone = back.book.reverse(context.signed_at_ms, transaction.milliunits, sale_known=sale_known)
    facts = list(back.undone())
    if alone is not None:
        at_ms = alone.at_ms
        facts.append(back.came_back(Entry(str(at_ms), REFUND, at_ms, PRICE, alone.milliunits, Basis.ESTIMATED), at_ms))
    return facts or [context.fact("refund_reversal_told", **about_transaction(context))]


def access_revoked(context: Context) -> Document:
    """A member of the family loses what was shared, or a refund that moved no money."""
    return context.fact(
        "access_revoked",
        at_ms=context.info.integer("revocationDate"),
        which=str(context.info.integer("revocationDate") or context.signed_at_ms),
        **about_transaction(context),
    )


def unused_parts(context: Context) -> Iterator[Document]:
    """What went back for periods that were cut short, as far as this notification is the one to tell.

    Apple refunds the unused part of the old plan and tells it nowhere. The transaction history may name its share;
    otherwise it is the price by the time that was left.
    """
    for old, new in context.periods.cut_short():
        back = GivenBack(context, _of_period(context, old))
        exact = _exact_part(context, old) if new.id == context.transaction.id else None
        if exact is not None or not back.book.has_refunds:
            entry = back.book.add(exact or _estimated_part(old, new))
            if back.book.stated_here(entry):
                yield back.gone(entry)
        yield from back.undone()


def _entries(info: Reader, transaction: Transaction, signed_at_ms: int) -> Iterator[Entry]:
    """The refunds that a transaction states: those of its items (Advanced Commerce), else the one of the whole."""
    items = [
        (item, refund)
        for item in info.child("advancedCommerceInfo").children("items")
        for refund in item.children("refunds")
    ]
    for item, refund in items:
        yield _item_entry(item, refund, signed_at_ms)
    if not items:
        at_ms = info.integer("revocationDate")
        yield _entry(info, transaction, signed_at_ms if at_ms is None else at_ms)


def _item_entry(item: Reader, refund: Reader, signed_at_ms: int) -> Entry:
    at_ms = refund.integer("refundDate")
    at_ms = signed_at_ms if at_ms is None else at_ms
    amount = needed(milliunits_in(refund, "refundAmount"), f"{refund.at}.refundAmount")
    return Entry(f"{item.text('SKU') or 'item'}-{at_ms}", ITEM, at_ms, "refund.refundAmount", amount)


def _entry(info: Reader, transaction: Transaction, at_ms: int) -> Entry:
    share, price = _share(info), transaction.milliunits
    amount = None if share is None or price is None else _rounded(Decimal(price) * share / WHOLE)
    source = PRICE if share == WHOLE else f"{PRICE} * revocationPercentage"
    return Entry(str(at_ms), REFUND, at_ms, source, amount)


def _share(info: Reader) -> int | None:
    """How much of the price went back, of WHOLE; None when Apple says that it is a part and not how much.

    Without a share and a type it is all: before December 2025 there was neither. What a new type takes is not known.
    """
    share, kind = info.integer("revocationPercentage"), info.text("revocationType")
    if share is not None and not 0 <= share <= WHOLE:
        raise BadNotification(f"{info.at}.revocationPercentage: expected 0 to {WHOLE}")
    if kind == "FAMILY_REVOKE":
        return 0
    if kind == "REFUND_FULL" or (share is None and kind is None):
        return WHOLE
    return share


def _exact_part(context: Context, old: Period) -> Entry | None:
    """What the transaction history says of it, if it does."""
    for info in (Reader(row, "history") for row in context.history()):
        at_ms = info.integer("revocationDate")
        if info.text("transactionId") == old.id and at_ms is not None and info.integer("revocationPercentage"):
            return _entry(info, read_transaction(info), at_ms)
    return None


def _estimated_part(old: Period, new: Period) -> Entry:
    """The price by the time that was left."""
    until_ms = needed(old.until_ms, "expiresDate")
    left = Decimal(until_ms - new.at_ms) / (until_ms - old.at_ms)
    amount = _rounded((old.milliunits or 0) * left)
    return Entry(f"upgrade-{new.id}", UPGRADE, new.at_ms, f"{PRICE} by the time left", amount, Basis.ESTIMATED)


def _rounded(milliunits: Decimal) -> int:
    return int(milliunits.quantize(Decimal(1), ROUND_HALF_EVEN))


def _reason(info: Reader) -> str | None:
    number = info.integer("revocationReason")
    return None if number is None else REASONS.get(number, str(number))


def _of_period(context: Context, period: Period) -> Transaction:
    """A remembered period as the transaction that it was."""
    return Transaction(
        id=period.id,
        line=context.transaction.line,
        product=period.product,
        at_ms=period.at_ms,
        until_ms=period.until_ms,
        milliunits=period.milliunits,
        currency=period.currency,
        reason=None,
        recurring=True,
        is_trial=period.is_trial,
        is_family=False,
    )
