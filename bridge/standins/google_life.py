"""The life of one subscription in the stand-in Google: each step changes what the Play API answers from then on, at the
time of the stand-in's clock, and gives the notification that Google would publish."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from bridge.standins.google_play import Play, amount, money
from bridge.values.records import Document
from bridge.values.times import DAY_MS, iso

RECOVERED, RENEWED, CANCELED, PURCHASED, ON_HOLD, IN_GRACE_PERIOD, RESTARTED = range(1, 8)
REVOKED, EXPIRED = 12, 13


@dataclass(frozen=True, slots=True)
class Plan:
    """What is subscribed to. `price` is what one period costs, `tax` the part of it that is tax."""

    product_id: str
    base_plan_id: str
    price: Decimal
    currency: str
    tax: Decimal = Decimal(0)
    period_ms: int = 30 * DAY_MS
    trial_ms: int = 0
    offer_id: str = ""


@dataclass(slots=True)
class Life:
    """One purchase token. Begins with `buy`."""

    play: Play
    package: str
    token: str
    plan: Plan
    country: str = "DE"
    account: str = ""
    """What the app gave as obfuscated account id."""
    is_test: bool = False
    orders: list[str] = field(default_factory=list)
    """The ids of the orders that were processed, the first one first."""

    def buy(self, replaced: "Life | None" = None) -> Document:
        """The purchase, with a trial if the plan has one. `replaced` is the life that this one takes over from."""
        now_ms = self.play.clock()
        trial = self.plan.trial_ms > 0
        self._charge(self.play.new_order_id(), "freeTrialDetails" if trial else "baseDetails")
        phase = "freeTrial" if trial else "basePrice"
        document = self._document(now_ms, now_ms + (self.plan.trial_ms or self.plan.period_ms), phase)
        if replaced:
            document["linkedPurchaseToken"] = replaced.token
            replaced.end({"replacementCancellation": {}})
        self.play.subscriptions[self.package, self.token] = document
        return self.notice(PURCHASED)

    def renew(self, number: int = RENEWED) -> Document:
        """The next period is paid."""
        self._charge(f"{self.orders[0]}..{len(self.orders) - 1}", "baseDetails")
        self._change(state="ACTIVE", phase="basePrice", expires_at_ms=self.play.clock() + self.plan.period_ms)
        return self.notice(number)

    def decline(self, number: int, until_ms: int) -> Document:
        """A renewal is not paid: IN_GRACE_PERIOD until then, or ON_HOLD since then."""
        state = {IN_GRACE_PERIOD: "IN_GRACE_PERIOD", ON_HOLD: "ON_HOLD"}[number]
        order_id = f"{self.orders[0]}..{len(self.orders) - 1}"
        self.play.put_order(self.package, self._order(order_id, "baseDetails", state="PENDING"))
        self._change(state=state, expires_at_ms=until_ms)
        self.document["latestOrderId"] = order_id
        return self.notice(number)

    def cancel(self, reason: str = "userInitiatedCancellation") -> Document:
        """Auto-renewal is switched off; access lasts to the end of the period."""
        self._change(state="CANCELED", auto_renews=False)
        self.document["canceledStateContext"] = {reason: {"cancelTime": iso(self.play.clock())}}
        return self.notice(CANCELED)

    def restart(self) -> Document:
        """The cancellation is taken back."""
        self.document.pop("canceledStateContext", None)
        self._change(state="ACTIVE", auto_renews=True)
        return self.notice(RESTARTED)

    def end(self, context: Mapping[str, Document] | None = None, number: int = EXPIRED) -> Document:
        """Access ends now: EXPIRED, or REVOKED. `context` says why, unless that was said before."""
        self._change(state="EXPIRED", auto_renews=False, expires_at_ms=self.play.clock())
        if context:
            self.document["canceledStateContext"] = dict(context)
        return self.notice(number)

    def refund(self, given_back: Decimal | None = None, order_id: str = "") -> Document:
        """Money of an order (the last one) goes back: all of it, or a part. Gives the order; Google sends no
        notification for money alone. A full refund with revocation is `refund`, then `end` and `void`."""
        order = self.play.orders[self.package, order_id or self.orders[-1]]
        now, currency = iso(self.play.clock()), self.plan.currency
        history = order["orderHistory"]
        if given_back is None:
            details = {"total": order["total"], "tax": order["tax"]}
            order["state"] = "REFUNDED"
            history["refundEvent"] = {"eventTime": now, "refundReason": "OTHER", "refundDetails": details}
        else:
            tax = (given_back * amount(order["tax"]) / amount(order["total"])).quantize(Decimal("0.01"))
            part = {"total": money(given_back, currency), "tax": money(tax, currency)}
            event = {"createTime": now, "processTime": now, "state": "PROCESSED_SUCCESSFULLY", "refundDetails": part}
            order["state"] = "PARTIALLY_REFUNDED"
            history.setdefault("partialRefundEvents", []).append(event)
        order["lastEventTime"] = now
        return order

    def void(self) -> Document:
        """The notification of a refund that took the last order away."""
        row = self.play.void(self.package, self.play.orders[self.package, self.orders[-1]])
        return self._developer_notification({"voidedPurchaseNotification": row})

    def notice(self, number: int) -> Document:
        """A notification about this subscription, of now."""
        part = {"version": "1.0", "notificationType": number, "purchaseToken": self.token}
        return self._developer_notification({"subscriptionNotification": part})

    @property
    def document(self) -> Document:
        """What `subscriptionsv2.get` answers."""
        return self.play.subscriptions[self.package, self.token]

    def _developer_notification(self, body: Document) -> Document:
        now = str(self.play.clock())
        return {"version": "1.0", "packageName": self.package, "eventTimeMillis": now, **body}

    def _charge(self, order_id: str, phase: str) -> None:
        self.play.put_order(self.package, self._order(order_id, phase))
        self.orders.append(order_id)

    def _order(self, order_id: str, phase: str, state: str = "PROCESSED") -> Document:
        free = phase == "freeTrialDetails"
        now, plan = iso(self.play.clock()), self.plan
        total, tax = (money(Decimal(0) if free else part, plan.currency) for part in (plan.price, plan.tax))
        details = {"basePlanId": plan.base_plan_id, "offerPhaseDetails": {phase: {}}}
        if plan.offer_id and free:
            details["offerId"] = plan.offer_id
        item = {"productId": plan.product_id, "total": total, "tax": tax, "subscriptionDetails": details}
        return {
            "orderId": order_id,
            "purchaseToken": self.token,
            "state": state,
            "createTime": now,
            "lastEventTime": now,
            "buyerAddress": {"buyerCountry": self.country},
            "total": total,
            "tax": tax,
            "lineItems": [item],
            "orderDetails": {"taxInclusive": True},
            "orderHistory": {"processedEvent": {"eventTime": now}} if state == "PROCESSED" else {},
        }

    def _document(self, starts_at_ms: int, expires_at_ms: int, phase: str) -> Document:
        plan = self.plan
        offer = {"basePlanId": plan.base_plan_id} | ({"offerId": plan.offer_id} if plan.offer_id else {})
        recurring = {"autoRenewEnabled": True, "recurringPrice": money(plan.price, plan.currency)}
        item = {
            "productId": plan.product_id,
            "expiryTime": iso(expires_at_ms),
            "autoRenewingPlan": recurring,
            "offerDetails": offer,
            "latestSuccessfulOrderId": self.orders[-1],
            "offerPhase": {phase: {}},
        }
        user = {"externalAccountIdentifiers": {"obfuscatedExternalAccountId": self.account}} if self.account else {}
        return {
            "kind": "androidpublisher#subscriptionPurchaseV2",
            "startTime": iso(starts_at_ms),
            "regionCode": self.country,
            "subscriptionState": "SUBSCRIPTION_STATE_ACTIVE",
            "latestOrderId": self.orders[-1],
            "acknowledgementState": "ACKNOWLEDGEMENT_STATE_ACKNOWLEDGED",
            "lineItems": [item],
            **user,
            **({"testPurchase": {}} if self.is_test else {}),
        }

    def _change(
        self, *, state: str, phase: str = "", auto_renews: bool | None = None, expires_at_ms: int | None = None
    ) -> None:
        document, item = self.document, self.document["lineItems"][0]
        document["subscriptionState"] = f"SUBSCRIPTION_STATE_{state}"
        document["latestOrderId"] = item["latestSuccessfulOrderId"] = self.orders[-1]
        if phase:
            item["offerPhase"] = {phase: {}}
        if expires_at_ms is not None:
            item["expiryTime"] = iso(expires_at_ms)
        if auto_renews is True:
            item["autoRenewingPlan"]["autoRenewEnabled"] = True
        elif auto_renews is False:
            item["autoRenewingPlan"].pop("autoRenewEnabled", None)
