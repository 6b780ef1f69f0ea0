"""The receiving half of each source, made from its settings. A new source is one function and one line here.

Each is imported only where it is configured: an AWS function starts with its own source and nothing else, and where
Apple is not configured nothing is spent on importing cryptography.
"""

from collections.abc import Callable, Mapping

from bridge.settings import Settings
from bridge.sources.base import Receiver


def stripe(settings: Settings) -> Receiver | None:
    """The receiver of Stripe's webhooks, None when it is not configured."""
    if settings.stripe is None:
        return None
    from bridge.sources.stripe.receive import StripeReceiver  # noqa: PLC0415 - see above, as all below

    return StripeReceiver([secret.reveal() for secret in settings.stripe.webhook_secrets])


def apple(settings: Settings) -> Receiver | None:
    """The receiver of App Store Server Notifications, None when it is not configured."""
    if settings.apple is None:
        return None
    from bridge.sources.apple.receive import AppleReceiver  # noqa: PLC0415
    from bridge.sources.apple.roots import trusted_roots  # noqa: PLC0415

    apps, roots, max_age_days = settings.apple.apps, settings.apple.root_certificates, settings.apple.max_age_days
    return AppleReceiver(apps, trusted_roots(roots), max_age_days)


def google(settings: Settings) -> Receiver | None:
    """The receiver of Google Play's pushes, None when it is not configured."""
    if settings.google is None:
        return None
    from bridge.sources.google.certificates import CertificateCache  # noqa: PLC0415
    from bridge.sources.google.receive import GoogleReceiver  # noqa: PLC0415

    google, certificates = settings.google, CertificateCache(settings.google.certs_url)
    return GoogleReceiver(google.packages, google.push_audience, google.push_account, certificates)


RECEIVERS: Mapping[str, Callable[[Settings], Receiver | None]] = {"stripe": stripe, "apple": apple, "google": google}


def receivers(settings: Settings) -> list[Receiver]:
    """The receivers of all sources that are configured."""
    return [receiver for make in RECEIVERS.values() if (receiver := make(settings))]
