"""A subscription as the Play Developer API states it: how it stands when it is asked about.

Source: https://developers.google.com/android-publisher/api-ref/rest/v3/purchases.subscriptionsv2
"""

from collections.abc import Mapping
from dataclasses import dataclass

from bridge.sources.google.orders import plan_of, split_id
from bridge.sources.google.timestamps import milliseconds_at
from bridge.values.reader import Reader
from bridge.values.records import Document

_STATE = "SUBSCRIPTION_STATE_"
_REASONS: Mapping[str, str] = {
    "userInitiatedCancellation": "user",
    "systemInitiatedCancellation": "system",
    "developerInitiatedCancellation": "developer",
    "replacementCancellation": "replacement",
}


@dataclass(frozen=True, slots=True)
class Subscription:
    """One purchase token's subscription. Google leaves out what is false, zero or empty."""

    reader: Reader

    @property
    def state(self) -> str:
        """Google's word in lower case, such as `active`."""
        return (self.reader.text("subscriptionState") or "").removeprefix(_STATE).lower()

    @property
    def items(self) -> list[Reader]:
        """What is subscribed to: one, or several with add-ons."""
        return self.reader.children("lineItems")

    @property
    def newest_orders(self) -> dict[str, int]:
        """The newest paid order of each series: base id to number. `latestOrderId` may name one that nobody paid."""
        newest: dict[str, int] = {}
        for order_id in filter(None, (item.text("latestSuccessfulOrderId") for item in self.items)):
            base, number = split_id(order_id)
            newest[base] = max(number, newest.get(base, number))
        return newest

    @property
    def plan(self) -> Document:
        """The plan of the first item."""
        return next((plan_at(item) for item in self.items), {})

    @property
    def product_ids(self) -> list[str]:
        """All products, in a fixed order."""
        return sorted({product for item in self.items if (product := item.text("productId"))})

    @property
    def linked_token(self) -> str | None:
        """The purchase that this one takes over from."""
        return self.reader.text("linkedPurchaseToken")

    @property
    def is_prepaid(self) -> bool:
        """Whether it ends by itself unless it is topped up."""
        return any(item.has("prepaidPlan") for item in self.items)

    @property
    def is_test(self) -> bool:
        """Whether a licence tester made it."""
        return self.reader.has("testPurchase")

    @property
    def is_bought_again(self) -> bool:
        """Whether it was bought outside the app after an earlier one had ended."""
        return self.reader.has("outOfAppPurchaseContext")

    @property
    def expires_at_ms(self) -> int | None:
        """When access ends, of all items the last."""
        return max((at for item in self.items if (at := milliseconds_at(item, "expiryTime"))), default=None)

    @property
    def cancellation(self) -> tuple[str, int | None]:
        """Who ended renewal (user, system, developer, replacement; empty when nobody has) and when, if it says."""
        context = self.reader.child("canceledStateContext")
        reason = next((word for key, word in _REASONS.items() if context.has(key)), "")
        return reason, milliseconds_at(context.child("userInitiatedCancellation"), "cancelTime")

    @property
    def survey_reason(self) -> str | None:
        """What the customer chose in Google's survey on leaving."""
        survey = self.reader.child("canceledStateContext").child("userInitiatedCancellation")
        return survey.text("cancelSurveyResult.reason")

    @property
    def auto_renews(self) -> bool:
        """Whether any item renews by itself."""
        return any(item.flag("autoRenewingPlan.autoRenewEnabled") for item in self.items)

    @property
    def people(self) -> Document:
        """Whose it is, as far as the app told Google when it was bought."""
        own = self.reader.child("externalAccountIdentifiers")
        expired = self.reader.child("outOfAppPurchaseContext.expiredExternalAccountIdentifiers")
        found = {
            "account_id": own.text("obfuscatedExternalAccountId"),
            "profile_id": own.text("obfuscatedExternalProfileId"),
            "external_account_id": own.text("externalAccountId"),
            "expired_account_id": expired.text("obfuscatedExternalAccountId", "externalAccountId"),
            "expired_profile_id": expired.text("obfuscatedExternalProfileId"),
        }
        return {name: value for name, value in found.items() if value}


def plan_at(item: Reader) -> Document:
    """The plan of a line item."""
    return plan_of(item.text("productId"), item.text("offerDetails.basePlanId"), item.text("offerDetails.offerId"))


def replaced_plan(item: Reader) -> Document:
    """The plan that a line item took the place of (Google says so for 60 days); empty when it says nothing."""
    old = item.child("itemReplacement")
    return plan_of(old.text("productId"), old.text("basePlanId"), old.text("offerId")) if old else {}
