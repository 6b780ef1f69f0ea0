"""Who tells a source's stories: the webhooks, and the keys to seal them with. A new source is one line in `TELLERS`."""

import secrets
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bridge.settings import Settings
from bridge.stories import apple, google, google_keys, stripe
from bridge.stories.apple_keys import ROOT_FILE, signer_in
from bridge.stories.apple_notifications import APP_APPLE_ID, BUNDLE_ID, sealed
from bridge.stories.google_book import PACKAGE
from bridge.stories.google_stage import ACCOUNT, AUDIENCE, moving_google, seal
from bridge.stories.story import Story
from bridge.stories.stripe_signing import sign
from bridge.values import jsontext
from bridge.values.times import Clock

Sealed = tuple[Mapping[str, str], bytes]
"""The headers and the body of a webhook, as the source itself would send them."""


@dataclass(frozen=True, slots=True)
class Teller:
    """`life(start_ms)` is the story, `seal(body, now_ms)` makes a webhook of a body, `environment` are the settings
    of a bridge that trusts it.

    `stage(start_ms, clock)` serves what the bridge asks while the story that began at `start_ms` is told, as it stands
    at each moment of the clock, and gives the settings that lead there. Only Google needs one.
    """

    life: Callable[[int], Story]
    seal: Callable[[bytes, int], Sealed]
    environment: Mapping[str, str]
    stage: Callable[[int, Clock], AbstractContextManager[Mapping[str, str]]] | None = None


def _stripe(_folder: Path, settings: Settings, _now_ms: int) -> Teller:
    """Signs with the first configured secret, which a bridge of the same settings trusts; else with a new one."""
    key = settings.stripe.webhook_secrets[0].reveal() if settings.stripe else f"whsec_{secrets.token_hex(16)}"
    return Teller(stripe.life, lambda body, now_ms: (sign(body, key, now_ms), body), {"STRIPE_WEBHOOK_SECRETS": key})


def _apple(folder: Path, _settings: Settings, now_ms: int) -> Teller:
    """Signs with test keys in the folder; the bridge must trust their root certificate, and know the app."""
    signer = signer_in(folder, now_ms)

    def seal(body: bytes, _now_ms: int) -> Sealed:
        return {"content-type": "application/json"}, sealed(signer, jsontext.loads(body))

    environment = {
        "APPLE_APPS": f"{BUNDLE_ID}:{APP_APPLE_ID}",
        "APPLE_ROOT_CERTIFICATES": str((folder / ROOT_FILE).resolve()),
        "APPLE_MAX_AGE_DAYS": "0",  # a story tells of months
    }
    return Teller(apple.life, seal, environment)


def _google(folder: Path, _settings: Settings, now_ms: int) -> Teller:
    """Signs with a test key in the folder; its certificate is fetched from the stage."""
    signer = google_keys.signer_in(folder, now_ms)
    environment = {
        "GOOGLE_PACKAGES": PACKAGE,
        "GOOGLE_PUSH_AUDIENCE": AUDIENCE,
        "GOOGLE_PUSH_ACCOUNT": ACCOUNT,
    }

    def stage(start_ms: int, clock: Clock) -> AbstractContextManager[Mapping[str, str]]:
        return moving_google(signer, google.scenes(start_ms), clock, folder)

    return Teller(google.life, partial(seal, signer), environment, stage)


TELLERS: Mapping[str, Callable[[Path, Settings, int], Teller]] = {
    "stripe": _stripe,
    "apple": _apple,
    "google": _google,
}
"""By source. Each takes a folder for key files that settings name, the settings of the bridge, and the time (epoch
milliseconds) around which its keys are to be valid."""
