"""Stripe: the signing secrets, and what the API key may read."""

from collections.abc import Iterable

from bridge.doctor.checks import Check, State, unanswered
from bridge.errors import NotAllowed, NotYet
from bridge.settings import StripeSettings
from bridge.sources.stripe.api import READS, StripeApi

KEY = "STRIPE_API_KEY"
WHERE = "Stripe Dashboard, Developers, API keys, Restricted keys"


def secret_checks(stripe: StripeSettings) -> Iterable[Check]:
    """Settings are refused with secrets of another shape; whether they are the right ones only a webhook shows."""
    count = len(stripe.webhook_secrets)
    yield Check(
        "STRIPE_WEBHOOK_SECRETS",
        State.OK,
        f"{count} of the right shape (that it is the right one is shown by a webhook: `bridge status`)",
    )


def key_checks(stripe: StripeSettings) -> Iterable[Check]:
    """Read one row with each right that the key needs."""
    if stripe.api_key is None:
        yield Check(KEY, State.SKIPPED, "not set; it is needed only for what began before the bridge (docs/stripe.md)")
        return
    mode = "test" if "_test_" in stripe.api_key.reveal()[:8] else "live"
    api = StripeApi(stripe.api_key.reveal(), stripe.api_url)
    try:
        for right in READS:
            yield _tried(api, right, mode)
    finally:
        api.close()


def _tried(api: StripeApi, right: str, mode: str) -> Check:
    name = f"{KEY} ({right})"
    try:
        api.try_reading(right)
    except NotAllowed as error:
        return unanswered(name, error, f"{WHERE}: give the key {right}: Read, or make a new one with it.")
    except NotYet as error:
        return unanswered(name, error)
    return Check(name, State.OK, f"may read, in {mode} mode")
