"""The App Store's block of the settings."""

import re
from dataclasses import dataclass
from pathlib import Path

from bridge.environment import Reader, Secret

MAX_AGE_DAYS = 8  # Apple's last retry comes 157 hours after the first try
APPLE_NAMES = (
    "APPLE_APPS",
    "APPLE_ROOT_CERTIFICATES",
    "APPLE_MAX_AGE_DAYS",
    "APPLE_ISSUER_ID",
    "APPLE_KEY_ID",
    "APPLE_PRIVATE_KEY",
)
_API = ("APPLE_ISSUER_ID", "APPLE_KEY_ID", "APPLE_PRIVATE_KEY")
_APP = re.compile(r"([A-Za-z0-9.-]{1,155})(?::([0-9]{1,20}))?")


@dataclass(frozen=True, slots=True)
class AppleApiKey:
    """An In-App Purchase key of App Store Connect."""

    issuer_id: str
    key_id: str
    private_key: Secret


@dataclass(frozen=True, slots=True)
class AppleSettings:
    """`apps` maps bundle ids to the app's Apple ID (Production needs it). No `root_certificates`: the shipped one."""

    apps: dict[str, int | None]
    root_certificates: tuple[Path, ...] = ()
    max_age_days: int = MAX_AGE_DAYS
    api_key: AppleApiKey | None = None


def read_apple(read: Reader) -> AppleSettings | None:
    """The block, or None when APPLE_APPS is not set."""
    apps = _apps(read)
    settings = AppleSettings(apps, _roots(read), _max_age_days(read), _api_key(read))
    return settings if apps else None


def _apps(read: Reader) -> dict[str, int | None]:
    apps: dict[str, int | None] = {}
    for text in read.words("APPLE_APPS"):
        app = _APP.fullmatch(text)
        if app is None:
            read.problem(
                "APPLE_APPS", f"expected bundle.id:appAppleId such as com.example.app:1234567890, found {text[:60]!r}"
            )
        else:
            apps[app[1]] = int(app[2]) if app[2] else None
    return apps


def _roots(read: Reader) -> tuple[Path, ...]:
    files = tuple(Path(text) for text in read.words("APPLE_ROOT_CERTIFICATES"))
    for file in files:
        if not file.is_file():
            read.problem("APPLE_ROOT_CERTIFICATES", f"there is no file {file}")
    return files


def _max_age_days(read: Reader) -> int:
    text = read.text("APPLE_MAX_AGE_DAYS")
    if not text:
        return MAX_AGE_DAYS
    if not (text.isascii() and text.isdecimal() and len(text) < 6):
        read.problem("APPLE_MAX_AGE_DAYS", f"expected whole days, 0 for any age, found {text[:20]!r}")
        return MAX_AGE_DAYS
    return int(text)


def _api_key(read: Reader) -> AppleApiKey | None:
    given = {name: read.text(name) for name in _API}
    missing = [name for name, text in given.items() if not text]
    if len(missing) == len(_API):
        return None
    if missing:
        read.problem(missing[0], f"{', '.join(_API)} go together: set all of them, or none")
        return None
    return AppleApiKey(given["APPLE_ISSUER_ID"], given["APPLE_KEY_ID"], Secret(given["APPLE_PRIVATE_KEY"]))
