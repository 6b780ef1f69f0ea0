"""All facts that Apple's notifications may state, by path: what a mapping's words are checked against."""

from bridge.mapping.vocabulary import FactSpec, Vocabulary
from bridge.sources.apple.common import EXPIRATIONS, OFFERS, STATUSES
from bridge.sources.apple.source import TYPES

FACTS = frozenset(
    {
        "sale",
        "trial_started",
        "plan_changed",
        "offer_redeemed",
        "refund",
        "refund_undone",
        "refund_reversal_told",
        "refund_declined",
        "refund_requested",
        "access_revoked",
        "auto_renew_disabled",
        "auto_renew_enabled",
        "renewal_failed",
        "grace_period_expired",
        "expired",
        "price_increase",
        "renewal_extended",
        "extension_failed",
        "extension_summary",
        "own_change",
        "external_purchase",
        "consent_rescinded",
        "test",
        "unknown",
    }
)
"""What a facts document is about. One notification may state several."""

VOCABULARY = Vocabulary(
    {
        "fact": FactSpec("what happened, in the bridge's words", values=FACTS),
        "type": FactSpec("Apple's notificationType", values=TYPES, closed=False),
        "subtype": FactSpec("Apple's subtype, where there is one"),
        "store": FactSpec("FloKit's name of the source"),
        "platform": FactSpec("always `ios`: Apple does not say on which device it was sold"),
        # people
        "app_account_token": FactSpec("the UUID that your app gave the purchase"),
        "app_transaction_id": FactSpec("Apple's id of the customer's download of the app; no charge"),
        "subjects": FactSpec("what the ledger files the user under", "list"),
        "storefront": FactSpec("the country of the customer's App Store, ISO 3166-1 alpha-3"),
        # what the ledger knew before
        "previous.periods": FactSpec("the newest periods of the subscription", "document"),
        # what was bought
        "bundle_id": FactSpec("the app"),
        "original_transaction_id": FactSpec("the first transaction: of the subscription, or this one itself"),
        "web_order_line_item_id": FactSpec("Apple's id of a subscription's charge, the same on all devices"),
        "kind": FactSpec("Apple's type of the product, such as Auto-Renewable Subscription"),
        "plan": FactSpec("what was bought", "document"),
        "plan.product_id": FactSpec("the product id of App Store Connect"),
        "plan.quantity": FactSpec("how many; the price is for all of them", "integer"),
        "plan_before": FactSpec("what was bought before a change", "document"),
        "plan_before.product_id": FactSpec("its product id"),
        "billing_plan": FactSpec("BILLED_UPFRONT or MONTHLY, of a commitment"),
        "family_shared": FactSpec("true for a share of the family's purchase, which is paid for once", "boolean"),
        "offer": FactSpec("the offer it was sold under", "document"),
        "offer.id": FactSpec("your id of the offer"),
        "offer.type": FactSpec("which kind of offer", values=frozenset(OFFERS.values()), closed=False),
        "offer.discount": FactSpec(
            "how it discounts",
            values=frozenset({"FREE_TRIAL", "PAY_AS_YOU_GO", "PAY_UP_FRONT", "ONE_TIME"}),
            closed=False,
        ),
        "offer.period": FactSpec("how long it lasts, as ISO 8601 writes it: P1M"),
        # money in
        "covers": FactSpec(
            "what a sale is for",
            values=frozenset({"start", "restart", "renewal", "change", "offer", "one_time"}),
        ),
        "follows_trial": FactSpec(
            "the first money after a trial, by memory or transaction history",
            values=frozenset({"yes", "no", "unknown"}),
        ),
        "recovered": FactSpec("true when the payment failed at first", "boolean"),
        # a subscription's life
        "subscription.id": FactSpec("the original transaction id of a subscription"),
        "subscription.group": FactSpec("its subscription group"),
        "subscription.status": FactSpec("Apple's status", values=frozenset(STATUSES.values()), closed=False),
        "subscription.auto_renew": FactSpec("whether it renews by itself", "boolean"),
        "subscription.renewal_product_id": FactSpec("what it renews to"),
        "subscription.renewal_at_ms": FactSpec("when it renews", "time"),
        "subscription.grace_until_ms": FactSpec("until when access goes on without payment", "time"),
        "subscription.expiration": FactSpec(
            "why it ends or ended", values=frozenset(EXPIRATIONS.values()), closed=False
        ),
        "in_trial": FactSpec("whether the transaction is the free trial", "boolean"),
        "trial_length_days": FactSpec("whole days of the trial", "integer"),
        "expires_at_ms": FactSpec("when the period ends", "time"),
        "in_grace": FactSpec("whether access goes on while Apple tries again", "boolean"),
        "end_reason": FactSpec("why it ended", values=frozenset(EXPIRATIONS.values()), closed=False),
        "direction": FactSpec(
            "by the level of service, not by price",
            values=frozenset({"upgrade", "downgrade", "crossgrade", "reverted"}),
        ),
        "effective": FactSpec("when a change takes effect", values=frozenset({"now", "next_renewal"})),
        "consent": FactSpec("of a price increase", values=frozenset({"pending", "accepted"}), closed=False),
        # refunds
        "refund.id": FactSpec("the transaction, and when it was refunded"),
        "refund.kind": FactSpec(
            "a refund, that of one item in it (Advanced Commerce), or the unused part of a period that was cut short",
            values=frozenset({"refund", "item", "upgrade"}),
        ),
        "refund.reason": FactSpec("Apple's reason", values=frozenset({"other", "app_issue"}), closed=False),
        "request_reason": FactSpec("why the customer asks for a refund"),
    }
)
