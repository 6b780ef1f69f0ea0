"""The stating half of every source, with its mapping. A new source is one line in `STATING`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from bridge.ledger.base import Ledger
from bridge.log import Log
from bridge.mapping.loading import load_all
from bridge.mapping.vocabulary import Vocabulary
from bridge.pipeline import Interpreter, Pipeline
from bridge.settings import Settings
from bridge.shipped import folder
from bridge.sources.base import Source
from bridge.sources.stripe.api import StripeApi
from bridge.sources.stripe.receive import notification_of
from bridge.sources.stripe.source import StripeSource
from bridge.sources.stripe.vocabulary import VOCABULARY as STRIPE
from bridge.values.records import Notification
from bridge.values.times import Clock


@dataclass(frozen=True, slots=True)
class Stating:
    """How a source's stating half is made, the words it may use, and how a body is read that nobody has proven."""

    make: Callable[[Settings], Source]
    vocabulary: Vocabulary
    unproven: Callable[[bytes, int], Notification]


def _stripe(settings: Settings) -> Source:
    stripe = settings.stripe
    return StripeSource(StripeApi(stripe.api_key.reveal(), stripe.api_url) if stripe and stripe.api_key else None)


STATING: Mapping[str, Stating] = {
    "stripe": Stating(_stripe, STRIPE, notification_of),
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


def pipelines(settings: Settings) -> Callable[[Ledger, Clock, Log], list[Pipeline]]:
    """What makes a pipeline for each source over a ledger. Raises SettingsError before any ledger is opened."""
    loaded = interpreters(settings)
    return lambda ledger, clock, log: [Pipeline(ledger, one, clock, log) for one in loaded.values()]
