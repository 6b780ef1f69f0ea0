"""The stating half of every source, with its mapping. A new source is one line in `STATING`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.ledger.base import Ledger
from bridge.log import Log
from bridge.mapping.loading import load_all
from bridge.mapping.vocabulary import Vocabulary
from bridge.pipeline import Interpreter, Pipeline
from bridge.reread import Rereading
from bridge.settings import Settings
from bridge.shipped import folder
from bridge.sources.apple import unproven
from bridge.sources.apple.api import AppleApi
from bridge.sources.apple.source import AppleSource
from bridge.sources.apple.vocabulary import VOCABULARY as APPLE
from bridge.sources.base import Source
from bridge.sources.google import unproven as google_unproven
from bridge.sources.google.source import GoogleSource
from bridge.sources.google.vocabulary import VOCABULARY as GOOGLE
from bridge.sources.stripe import receive
from bridge.sources.stripe.api import StripeApi
from bridge.sources.stripe.source import StripeSource
from bridge.sources.stripe.vocabulary import VOCABULARY as STRIPE
from bridge.values.records import Notification
from bridge.values.times import Clock
from bridge.worker import Maps


@dataclass(frozen=True, slots=True)
class Stating:
    """How a source's stating half is made, the words it may use, and how a body is read that nobody has proven."""

    make: Callable[[Settings], Source]
    vocabulary: Vocabulary
    unproven: Callable[[bytes, int], Notification]


def _stripe(settings: Settings) -> Source:
    stripe = settings.stripe
    return StripeSource(StripeApi(stripe.api_key.reveal(), stripe.api_url) if stripe and stripe.api_key else None)


def _apple(settings: Settings) -> Source:
    key = settings.apple.api_key if settings.apple else None
    return AppleSource(AppleApi(key.issuer_id, key.key_id, key.private_key.reveal()) if key else None)


def _google(settings: Settings) -> Source:
    google = settings.google
    if google is None or google.credentials is None:
        return GoogleSource(packages=google.packages if google else ())
    # Where Google is not configured, nothing is spent on importing its authentication.
    from bridge.sources.google.api import PlayApi  # noqa: PLC0415
    from bridge.sources.google.credentials import AccessToken, load_credentials  # noqa: PLC0415

    api = PlayApi(AccessToken(load_credentials(google.credentials)), url=google.play_url)
    return GoogleSource(api, google.packages)


STATING: Mapping[str, Stating] = {
    "stripe": Stating(_stripe, STRIPE, receive.notification_of),
    "apple": Stating(_apple, APPLE, unproven.notification_of),
    "google": Stating(_google, GOOGLE, google_unproven.notification_of),
}


def interpreters(settings: Settings) -> dict[str, Interpreter]:
    """All sources' interpreters by name, configured or not: what is kept can be mapped without its settings.

    Raises SettingsError with every problem of the mappings at once.
    """
    mappings = load_all(mappings_folder(settings), {name: stating.vocabulary for name, stating in STATING.items()})
    return {name: Interpreter(stating.make(settings), mappings[name]) for name, stating in STATING.items()}


def mappings_folder(settings: Settings) -> Path:
    """The user's own mappings, else those that come with the program."""
    return settings.mappings or folder("mappings")


def pipelines(settings: Settings) -> Callable[[Ledger, Clock, Log], list[Maps]]:
    """What makes a pipeline for each source over a ledger, and looks at Google's orders again.

    Raises SettingsError before any ledger is opened.
    """
    loaded = interpreters(settings)

    def make(ledger: Ledger, clock: Clock, log: Log) -> list[Maps]:
        rereading = [Rereading(ledger, clock, log)] if settings.google else []
        return [*(Pipeline(ledger, one, clock, log) for one in loaded.values()), *rereading]

    return make
