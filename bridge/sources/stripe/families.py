"""Families of Stripe's event types that state no facts of their own. What is in neither stays unmapped and is counted.

Source: Stripe's documentation, page "Types of events".
"""

# Only the types with facts of their own tell of money; the rest of these is another view of it.
SAME_MONEY = (
    "invoice.",
    "payment_intent.",
    "charge.",
    "credit_note.",
    "checkout.session.",
    "invoice_payment.",
    "refund.",
)

NOT_REVENUE = tuple(
    f"{family}."
    for family in (
        "account application_fee apps balance balance_settings billing billing_portal capability cash_balance climate "
        "coupon customer entitlements external_account file financial_connections identity invoiceitem "
        "issuing_authorization issuing_card issuing_cardholder issuing_dispute issuing_token issuing_transaction "
        "mandate payment_link payment_method payout person plan price product promotion_code quote radar reporting "
        "review setup_intent sigma source subscription_schedule tax tax_rate terminal test_helpers three_d_secure "
        "topup transfer treasury"
    ).split()
)
