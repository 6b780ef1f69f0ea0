"""Google Play's block of the settings."""

from dataclasses import dataclass
from pathlib import Path

from bridge.environment import Reader

CERTS_URL = "https://www.googleapis.com/oauth2/v1/certs"
PLAY_URL = "https://androidpublisher.googleapis.com"
GOOGLE_NEEDED = ("GOOGLE_PACKAGES", "GOOGLE_PUSH_AUDIENCE", "GOOGLE_PUSH_ACCOUNT")
GOOGLE_NAMES = (*GOOGLE_NEEDED, "GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_CERTS_URL", "GOOGLE_PLAY_URL")


@dataclass(frozen=True, slots=True)
class GoogleSettings:
    """`packages` are the apps, `push_audience` and `push_account` what the subscription's token must say.

    Without `credentials` (a service account's file, or an external account's) notifications are kept and wait.
    """

    packages: tuple[str, ...]
    push_audience: str
    push_account: str
    credentials: Path | None = None
    certs_url: str = CERTS_URL
    play_url: str = PLAY_URL


def read_google(read: Reader) -> GoogleSettings | None:
    """The block, or None when nothing of it is set."""
    given = {name: read.text(name) for name in GOOGLE_NEEDED}
    settings = GoogleSettings(
        tuple(read.words("GOOGLE_PACKAGES")),
        given["GOOGLE_PUSH_AUDIENCE"],
        _account(read),
        _credentials(read),
        read.url("GOOGLE_CERTS_URL", CERTS_URL),
        read.url("GOOGLE_PLAY_URL", PLAY_URL),
    )
    missing = [name for name, text in given.items() if not text]
    if not missing:
        return settings
    if len(missing) < len(given):
        read.problem(missing[0], f"{', '.join(GOOGLE_NEEDED)} go together: set all of them, or none")
    return None


def _account(read: Reader) -> str:
    account = read.text("GOOGLE_PUSH_ACCOUNT")
    if account and ("@" not in account or " " in account):
        read.problem(
            "GOOGLE_PUSH_ACCOUNT",
            "expected the e-mail of the service account that the push subscription authenticates with",
        )
    return account


def _credentials(read: Reader) -> Path | None:
    text = read.text("GOOGLE_APPLICATION_CREDENTIALS")
    if text and not Path(text).is_file():
        read.problem("GOOGLE_APPLICATION_CREDENTIALS", f"there is no file {text}")
    return Path(text) if text else None
