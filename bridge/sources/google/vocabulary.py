"""All facts that Google's notifications may state, by path: what a mapping's words are checked against."""

from bridge.mapping.vocabulary import FactSpec, Vocabulary
from bridge.sources.google.source import TYPES

FACTS = frozenset(
    {
        "trial_started",
        "sale",
        "refund",
        "plan_changed",
        "items_same",
        "cancelled",
        "replaced",
        "revoked",
        "expired",
        "restarted",
        "on_hold",
        "in_grace_period",
        "paused",
        "pause_scheduled",
        "deferred",
        "cancellation_scheduled",
        "price_change",
        "purchase_pending",
        "purchase_abandoned",
        "nothing_paid",
        "free_grant",
        "void_without_money",
        "orders_looked_at",
        "refund_review",
        "foreign_package",
        "test",
        "unknown",
    }
)
"""What a facts document is about. One notification may state several."""

VOCABULARY = Vocabulary(
    {
        "fact": FactSpec("what happened, in the bridge's words", values=FACTS),
        "type": FactSpec("Google's name of the notification", values=TYPES, closed=False),
        "store": FactSpec("FloKit's name of the source"),
        "platform": FactSpec("always `android`"),
        "package": FactSpec("the app"),
        # people
        "account_id": FactSpec("the obfuscated account id that the app gave when it was bought"),
        "profile_id": FactSpec("the obfuscated profile id that the app gave"),
        "external_account_id": FactSpec("the id of an account that the user linked with Google"),
        "expired_account_id": FactSpec("the account id of the purchase before a lapse"),
        "expired_profile_id": FactSpec("the profile id of the purchase before a lapse"),
        "linked_account_id": FactSpec("the account id of the purchase that this one took over from"),
        "country": FactSpec("of the buyer, ISO 3166-1 alpha-2"),
        "subjects": FactSpec("what the ledger files the user under, nearest first", "list"),
        # what the ledger knew before
        "previous.cancelled": FactSpec("a cancellation was told of and not taken back", "boolean"),
        # what was bought
        "plan": FactSpec("what was bought", "document"),
        "plan.id": FactSpec("product and base plan: `product/base-plan`, or the product alone"),
        "plan.product_id": FactSpec("the product"),
        "plan.base_plan_id": FactSpec("the base plan"),
        "plan.offer_id": FactSpec("the offer"),
        "plan_before": FactSpec("what a change of plan took the place of", "document"),
        "plan_before.id": FactSpec("product and base plan before a change"),
        "plan_before.product_id": FactSpec("the product before a change"),
        "plan_before.base_plan_id": FactSpec("the base plan before a change"),
        "plan_before.offer_id": FactSpec("the offer before a change"),
        "change": FactSpec("what changed", values=frozenset({"plan", "items"})),
        "effective": FactSpec("when a change takes effect", values=frozenset({"now", "next_renewal"})),
        "product_ids": FactSpec("all products, when there are several", "list"),
        "product_ids_before": FactSpec("all products before a change", "list"),
        "quantity": FactSpec("how many, of a one-time product", "integer"),
        # orders
        "sale_key": FactSpec("names the sale: the order, or one item of an order with several"),
        "covers": FactSpec(
            "what an order's money is for",
            values=frozenset({"start", "restart", "renewal", "change", "added", "sign_up_again", "top_up", "one_time"}),
        ),
        "amount": FactSpec("whether any money was paid", values=frozenset({"some", "none"})),
        "follows_trial": FactSpec(
            "the first paid period after a trial, by the order before", values=frozenset({"yes", "no", "unknown"})
        ),
        "recovered": FactSpec("paid after an account hold or a pause", "boolean"),
        "phase": FactSpec(
            "the kind of period that was paid for",
            values=frozenset({"free_trial", "base", "introductory", "proration"}),
        ),
        "period_ends_at_ms": FactSpec("until when the order pays", "time"),
        "trial_length_days": FactSpec("whole days from the trial's start to its end", "integer"),
        "refund.id": FactSpec("the order, and which of its refunds"),
        "refund.kind": FactSpec("all that was left, or a part", values=frozenset({"full", "partial"})),
        "refund.reason": FactSpec("Google's reason", values=frozenset({"other", "chargeback"}), closed=False),
        "looked_at": FactSpec("how many booked orders were looked at again", "integer"),
        # the subscription's life
        "subscription.id": FactSpec("the first order of the subscription, through all its changes of plan"),
        "subscription.state": FactSpec(
            "Google's state when it was asked",
            values=frozenset(
                {
                    "pending",
                    "active",
                    "paused",
                    "in_grace_period",
                    "on_hold",
                    "canceled",
                    "expired",
                    "pending_purchase_canceled",
                }
            ),
            closed=False,
        ),
        "subscription.expires_at_ms": FactSpec("when access ends", "time"),
        "subscription.cancelled_by": FactSpec(
            "who ended renewal", values=frozenset({"user", "system", "developer", "replacement"})
        ),
        "subscription.survey_reason": FactSpec("the customer's choice in Google's survey"),
        "subscription.prepaid": FactSpec("it ends by itself unless it is topped up", "boolean"),
        "subscription.auto_renew": FactSpec("it renews by itself", "boolean"),
        "in_trial": FactSpec("whether it was in its trial then", "boolean"),
        "end_reason": FactSpec(
            "why it ended",
            values=frozenset({"user", "system", "developer", "replacement", "revoked", "prepaid_ended"}),
        ),
    }
)
