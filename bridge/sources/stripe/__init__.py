"""Stripe: `receive` proves its webhooks, `source` states their facts."""
