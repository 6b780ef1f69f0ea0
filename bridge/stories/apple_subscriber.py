"""One subscriber at Apple: the notifications of one subscription, with ids that fit together."""

from dataclasses import dataclass
from typing import Any

from bridge.stories.apple_notifications import BUNDLE_ID, notification
from bridge.values.records import Document
from bridge.values.times import DAY_MS

MONTH_MS = 30 * DAY_MS
WEEK_MS = 7 * DAY_MS
GROUP = "21480001"


@dataclass(frozen=True, slots=True)
class Plan:
    """A product of App Store Connect; `milliunits` is its price in thousandths of the currency."""

    product: str
    milliunits: int
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class Subscriber:
    """`number` is the original transaction's; transaction `n` is `number + n`. `user` is the app account token."""

    number: int
    user: str | None
    start_ms: int
    storefront: str = "USA"
    environment: str = "Production"

    @property
    def line(self) -> str:
        """The original transaction id."""
        return str(self.number)

    def transaction(self, n: int, plan: Plan, at_ms: int, until_ms: int | None = None, **fields: Any) -> Document:
        """Transaction `n`: a month from `at_ms` unless it says until when. None takes a field away."""
        made = {
            "transactionId": str(self.number + n),
            "originalTransactionId": self.line,
            "webOrderLineItemId": str(self.number + 500_000 + n),
            "bundleId": BUNDLE_ID,
            "productId": plan.product,
            "subscriptionGroupIdentifier": GROUP,
            "purchaseDate": at_ms,
            "originalPurchaseDate": self.start_ms,
            "expiresDate": at_ms + MONTH_MS if until_ms is None else until_ms,
            "quantity": 1,
            "type": "Auto-Renewable Subscription",
            "appAccountToken": self.user,
            "inAppOwnershipType": "PURCHASED",
            "transactionReason": "RENEWAL" if n else "PURCHASE",
            "storefront": self.storefront,
            "storefrontId": "143441",
            "price": plan.milliunits,
            "currency": plan.currency,
            "appTransactionId": f"70{self.number}",
        }
        return {name: value for name, value in {**made, **fields}.items() if value is not None}

    def trial(self, plan: Plan, length_ms: int, n: int = 0) -> Document:
        """The free introductory period: a month, or some weeks."""
        free = {
            "price": 0,
            "offerType": 1,
            "offerDiscountType": "FREE_TRIAL",
            "offerPeriod": "P1M" if length_ms == MONTH_MS else f"P{length_ms // WEEK_MS}W",
            "transactionReason": "PURCHASE",
        }
        return self.transaction(n, plan, self.start_ms, self.start_ms + length_ms, **free)

    def renewal(self, plan: Plan, transaction: Document, *, on: bool = True, **fields: Any) -> Document:
        """The renewal info beside a transaction; `on`: it renews by itself, to this plan."""
        made = {
            "originalTransactionId": self.line,
            "productId": transaction["productId"],
            "autoRenewProductId": plan.product,
            "autoRenewStatus": int(on),
            "recentSubscriptionStartDate": self.start_ms,
            "renewalDate": transaction["expiresDate"],
            "renewalPrice": plan.milliunits if on else None,
            "currency": plan.currency if on else None,
            "appAccountToken": self.user,
        }
        return {name: value for name, value in {**made, **fields}.items() if value is not None}

    def notify(  # noqa: PLR0913 - what a notification consists of
        self,
        kind: str,
        signed_ms: int,
        transaction: Document,
        *,
        subtype: str | None = None,
        renewal: Document | None = None,
        status: int = 1,
        **data: Any,
    ) -> Document:
        """A notification about one of its transactions."""
        return notification(
            kind,
            signed_ms,
            subtype=subtype,
            transaction=transaction,
            renewal=renewal,
            environment=self.environment,
            status=status,
            **data,
        )
