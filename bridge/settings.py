"""The settings: environment variables in, one frozen object or all problems at once out.

Adding a source is one block here: a dataclass, a function that reads it, a line in Settings and in `read_settings`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bridge.environment import Reader, Secret, misspelt
from bridge.errors import SettingsError
from bridge.settings_apple import APPLE_NAMES, AppleSettings, read_apple
from bridge.settings_google import GOOGLE_NAMES, GOOGLE_NEEDED, GoogleSettings, read_google

FLOKIT_API_URL = "https://api.flokit.ai"
STRIPE_API_URL = "https://api.stripe.com"
FLOKIT_REQUESTS_PER_MINUTE = 90  # of the workspace's documented 100, which others may share
LEDGER_URL = "sqlite:///bridge.sqlite"
KEEP_BODIES_DAYS = 90
MIN_TOKEN_CHARS = 16

KNOWN = {
    "FLOKIT_API_KEY",
    "FLOKIT_API_URL",
    "FLOKIT_REQUESTS_PER_MINUTE",
    "FLOKIT_SANDBOX_API_KEY",
    "STRIPE_WEBHOOK_SECRETS",
    "STRIPE_API_KEY",
    "STRIPE_API_URL",
    *APPLE_NAMES,
    *GOOGLE_NAMES,
    "BRIDGE_KEEP_BODIES_DAYS",
    "BRIDGE_LEDGER",
    "BRIDGE_MAPPINGS",
    "BRIDGE_TOKEN",
}
NEEDED = {"stripe": ("STRIPE_WEBHOOK_SECRETS",), "apple": ("APPLE_APPS",), "google": GOOGLE_NEEDED}
"""What each source cannot do without."""

_LEDGER = re.compile(r"sqlite:///.+|dynamodb://[A-Za-z0-9_.-]{3,255}(\?region=[a-z0-9-]{1,40})?")
_STRIPE_PREFIX = re.compile(r"[srp]k_(?:live|test)_")


@dataclass(frozen=True, slots=True)
class FloKitSettings:
    """The destination. Without a key events are kept and shown, and not sent."""

    api_key: Secret | None = None
    sandbox_api_key: Secret | None = None
    api_url: str = FLOKIT_API_URL
    requests_per_minute: int = FLOKIT_REQUESTS_PER_MINUTE


@dataclass(frozen=True, slots=True)
class StripeSettings:
    """`api_key` is optional: a restricted, read-only key for what the webhooks do not say."""

    webhook_secrets: tuple[Secret, ...]
    api_key: Secret | None = None
    api_url: str = STRIPE_API_URL


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that is set. A source that is None is not configured."""

    flokit: FloKitSettings = field(default_factory=FloKitSettings)
    stripe: StripeSettings | None = None
    apple: AppleSettings | None = None
    google: GoogleSettings | None = None
    ledger_url: str = LEDGER_URL
    keep_bodies_days: int = KEEP_BODIES_DAYS  # 0: for ever
    mappings: Path | None = None  # None: the mappings that come with the program
    token: Secret | None = None

    def missing(self) -> dict[str, Sequence[str]]:
        """For each source that is not configured, the settings it cannot do without."""
        return {source: names for source, names in NEEDED.items() if getattr(self, source) is None}


def read_settings(env: Mapping[str, str]) -> Settings:
    """Read the environment. Raises SettingsError with every problem at once."""
    read = Reader(env)
    settings = Settings(
        flokit=_flokit(read),
        stripe=_stripe(read),
        apple=read_apple(read),
        google=read_google(read),
        ledger_url=_ledger_url(read),
        keep_bodies_days=_whole_number(read, "BRIDGE_KEEP_BODIES_DAYS", KEEP_BODIES_DAYS, at_least=0),
        mappings=_folder(read, "BRIDGE_MAPPINGS"),
        token=_token(read),
    )
    problems = [*misspelt(env, KNOWN), *read.problems]
    if problems:
        raise SettingsError(problems)
    return settings


def _flokit(read: Reader) -> FloKitSettings:
    return FloKitSettings(
        api_key=read.secret("FLOKIT_API_KEY"),
        sandbox_api_key=_sandbox_key(read),
        api_url=read.url("FLOKIT_API_URL", FLOKIT_API_URL),
        requests_per_minute=_whole_number(read, "FLOKIT_REQUESTS_PER_MINUTE", FLOKIT_REQUESTS_PER_MINUTE, at_least=1),
    )


def _sandbox_key(read: Reader) -> Secret | None:
    key = read.secret("FLOKIT_SANDBOX_API_KEY")
    if key and key == read.secret("FLOKIT_API_KEY"):
        read.problem(
            "FLOKIT_SANDBOX_API_KEY",
            "is the same as FLOKIT_API_KEY, so test money would count as real; make a key of another workspace, "
            "or leave it out and test events are kept and not sent",
        )
    return key


def _whole_number(read: Reader, name: str, default: int, *, at_least: int) -> int:
    text = read.text(name)
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 10 and int(text) >= at_least):
        read.problem(name, f"expected a whole number of at least {at_least}, found {text[:20]!r}")
        return default
    return int(text)


def _stripe(read: Reader) -> StripeSettings | None:
    texts = read.words("STRIPE_WEBHOOK_SECRETS")
    for text in texts:
        _check_webhook_secret(read, text)
    api_key = _stripe_api_key(read)
    api_url = read.url("STRIPE_API_URL", STRIPE_API_URL)
    return StripeSettings(tuple(map(Secret, texts)), api_key, api_url) if texts else None


def _check_webhook_secret(read: Reader, text: str) -> None:
    name = "STRIPE_WEBHOOK_SECRETS"
    where = "the signing secret begins with whsec_ (Stripe Workbench, Webhooks, the destination, Signing secret)"
    prefix = _STRIPE_PREFIX.match(text)
    if prefix:
        read.problem(name, f"'{prefix[0]}…' looks like an API key; {where}")
    elif not text.startswith("whsec_") or not text.isascii() or not text.isprintable() or " " in text:
        read.problem(name, f"one of the values is no signing secret; {where}")
    elif len(text) < len("whsec_") + 16:
        read.problem(name, f"one of the values is too short to be a whole secret; {where}")


def _stripe_api_key(read: Reader) -> Secret | None:
    key = read.secret("STRIPE_API_KEY")
    if key and key.reveal().startswith("whsec_"):
        read.problem("STRIPE_API_KEY", "'whsec_…' is a signing secret; it belongs in STRIPE_WEBHOOK_SECRETS")
    elif key and not key.reveal().startswith(("rk_live_", "rk_test_", "sk_live_", "sk_test_")):
        read.problem("STRIPE_API_KEY", "expected a restricted key, which begins with rk_live_ or rk_test_")
    return key


def _ledger_url(read: Reader) -> str:
    text = read.text("BRIDGE_LEDGER") or LEDGER_URL
    if not _LEDGER.fullmatch(text):
        read.problem(
            "BRIDGE_LEDGER",
            f"expected {LEDGER_URL}, or sqlite:////var/lib/… with the whole path, or dynamodb://table?region=…",
        )
    return text


def _folder(read: Reader, name: str) -> Path | None:
    text = read.text(name)
    if not text:
        return None
    if not Path(text).is_dir():
        read.problem(name, f"there is no folder {text[:200]!r}")
    return Path(text)


def _token(read: Reader) -> Secret | None:
    token = read.secret("BRIDGE_TOKEN")
    if token and len(token.reveal()) < MIN_TOKEN_CHARS:
        read.problem(
            "BRIDGE_TOKEN", f"is shorter than {MIN_TOKEN_CHARS} characters and can be guessed; make a long one"
        )
    return token
