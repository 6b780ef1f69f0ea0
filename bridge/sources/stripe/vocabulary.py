"""All facts that Stripe notifications may state, by path: what a mapping's words are checked against."""

from bridge.mapping.vocabulary import FactSpec, Vocabulary
from bridge.sources.stripe.source import TYPES

_YES_NO_UNKNOWN = frozenset({"yes", "no", "unknown"})

FACTS = frozenset(
    {
        "invoice_paid",
        "payment_failed",
        "payment_action_required",
        "subscription_created",
        "subscription_updated",
        "subscription_ended",
        "trial_started",
        "trial_ending",
        "trial_ended_unpaid",
        "signup_abandoned",
        "plan_changed",
        "cancellation_scheduled",
        "cancellation_undone",
        "paused",
        "resumed",
        "checkout_paid",
        "checkout_failed",
        "checkout",
        "payment",
        "refund",
        "refund_undone",
        "refund_not_moved",
        "refund_out_of_band",
        "chargeback",
        "chargeback_undone",
        "dispute_opened",
        "dispute_updated",
        "dispute_closed",
        "customer",
        "link",
        "thin_event",
        "same_money",
        "not_revenue",
        "unknown",
    }
)
"""What a facts document is about. One notification may state several."""

VOCABULARY = Vocabulary(
    {
        "fact": FactSpec("what happened, in the bridge's words", values=FACTS),
        "type": FactSpec("Stripe's event type", values=TYPES, closed=False),
        "api_version": FactSpec("the date of the API version that the event was rendered in, or nothing"),
        "store": FactSpec("FloKit's name of the source"),
        "platform": FactSpec("always `web`: Stripe does not say where it was sold"),
        "account": FactSpec("the connected account, on a Connect endpoint"),
        # people
        "customer_id": FactSpec("the Stripe customer (`cus_…`)"),
        "client_reference_id": FactSpec("what the app gave its Checkout session"),
        "metadata": FactSpec("the app's own metadata on the object itself", "document", open=True),
        "subscription_metadata": FactSpec("the subscription's, as an invoice repeats it", "document", open=True),
        "line_metadata": FactSpec("the metadata of the invoice's first line that has any", "document", open=True),
        "customer_metadata": FactSpec("the customer's, where Stripe sent it whole", "document", open=True),
        "country": FactSpec("of the billing address, ISO 3166-1 alpha-2"),
        "email_hash": FactSpec("SHA-256 of the lower-cased address, in hex"),
        "subjects": FactSpec("what the ledger files the user under, nearest first", "list"),
        # what the ledger knew before
        "previous.seen": FactSpec("the newest notification of the subscription, epoch seconds", "integer"),
        "previous.trial_end": FactSpec("when its trial ends, epoch seconds", "integer"),
        "previous.started_by": FactSpec("the invoice of its first paid period"),
        "previous.first_period_unpaid": FactSpec("the first invoice after its trial, when its payment failed"),
        # what was bought
        "plan": FactSpec("what was bought", "document"),
        "plan.price_id": FactSpec("the price, of several the first by id"),
        "plan.product_id": FactSpec("its product"),
        "plan.price_ids": FactSpec("all prices, when there are several", "list"),
        "plan.quantity": FactSpec("how many", "integer"),
        "plan.interval": FactSpec("day, week, month or year"),
        "plan.interval_count": FactSpec("how many intervals a period has", "integer"),
        "plan_before": FactSpec("what was bought before a change", "document"),
        "plan_before.price_id": FactSpec("the price before a change"),
        "plan_before.product_id": FactSpec("its product"),
        "plan_before.price_ids": FactSpec("all prices before a change, when there are several", "list"),
        "plan_before.quantity": FactSpec("how many before a change", "integer"),
        "plan_before.interval": FactSpec("day, week, month or year"),
        "plan_before.interval_count": FactSpec("how many intervals a period had", "integer"),
        "change": FactSpec("what changed", values=frozenset({"plan", "quantity"})),
        "direction": FactSpec("by what it costs in a year", values=frozenset({"upgrade", "downgrade"})),
        "offer_id": FactSpec("the trial offer, where Stripe names it"),
        # invoices
        "covers": FactSpec(
            "what an invoice's money is for",
            values=frozenset(
                {"first_period", "period", "change", "interim", "fee", "one_off", "first_period_or_change"}
            ),
        ),
        "amount": FactSpec("whether any money was paid", values=frozenset({"some", "none"})),
        "follows_trial": FactSpec("the first paid period after a trial, by memory", values=_YES_NO_UNKNOWN),
        "invoice_id": FactSpec("the invoice (`in_…`)"),
        "invoice.billing_reason": FactSpec("Stripe's reason for the invoice, `none` when it gives none"),
        "invoice.zero_because": FactSpec(
            "why nothing was paid", values=frozenset({"free", "discount", "credit", "nothing_due"})
        ),
        "invoice.credit": FactSpec("customer credit that was used up, major units", "decimal"),
        "invoice.overpaid": FactSpec("what was paid too much and became customer credit, major units", "decimal"),
        "invoice.paid_out_of_band": FactSpec("the merchant marked it as paid outside Stripe", "boolean"),
        "invoice.attempt_count": FactSpec("how often Stripe has tried to collect", "integer"),
        "invoice.number": FactSpec("the invoice's printed number"),
        "amount_due": FactSpec("what was to be paid, major units", "decimal"),
        "next_attempt_at_ms": FactSpec("when Stripe tries again", "time"),
        # subscriptions
        "subscription.id": FactSpec("the subscription (`sub_…`)"),
        "subscription.status": FactSpec(
            "Stripe's status",
            values=frozenset(
                {"incomplete", "incomplete_expired", "trialing", "active", "past_due", "canceled", "unpaid", "paused"}
            ),
            closed=False,
        ),
        "subscription.trial_length_days": FactSpec("whole days from the trial's start to its end", "integer"),
        "subscription.trial_end_ms": FactSpec("when the trial ends", "time"),
        "subscription.cancel_at_ms": FactSpec("when a scheduled cancellation takes effect", "time"),
        "subscription.cancellation_reason": FactSpec("Stripe's word: cancellation_requested, payment_failed …"),
        "subscription.cancellation_feedback": FactSpec("the customer's choice in the portal"),
        "subscription.latest_invoice": FactSpec("its newest invoice"),
        "ended_in": FactSpec(
            "where in its life it ended: within the trial, at the trial's end unpaid, or later",
            values=frozenset({"trial", "trial_end", "paid"}),
        ),
        "pause_behavior": FactSpec("what Stripe does with invoices meanwhile"),
        # payments, refunds, disputes
        "payment_intent_id": FactSpec("the payment intent (`pi_…`)"),
        "charge_id": FactSpec("the charge (`ch_…`)"),
        "invoice_backed": FactSpec("whether an invoice lies behind a payment", values=_YES_NO_UNKNOWN),
        "checkout.mode": FactSpec("payment, subscription or setup"),
        "checkout.payment_status": FactSpec("paid, unpaid or no_payment_required"),
        "sale_known": FactSpec("whether the sale that is taken back is known, or only its payment", "boolean"),
        "refund.id": FactSpec("the refund (`re_…`), the dispute (`du_…`), or charge and cumulative amount"),
        "refund.kind": FactSpec("what took it back", values=frozenset({"refund", "dispute", "out_of_band"})),
        "refund.status": FactSpec("Stripe's status"),
        "refund.reason": FactSpec("Stripe's reason"),
        "dispute.id": FactSpec("the dispute"),
        "dispute.status": FactSpec("Stripe's status"),
        "dispute.reason": FactSpec("the bank's reason"),
    }
)
