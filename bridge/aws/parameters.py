"""The settings of a function: what the template says in its environment, and the rest from the Parameter Store.

`/webhook-bridge/<stage>/STRIPE_WEBHOOK_SECRETS` is the setting STRIPE_WEBHOOK_SECRETS. They are read once, at INIT, and
stand in no template and in no list of environment variables. A function may read only what it needs.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bridge.settings import KNOWN, Settings, read_settings
from bridge.settings_google import GOOGLE_NEEDED

GetParameters = Callable[[Sequence[str]], Mapping[str, str]]

INGEST: Mapping[str, Sequence[str]] = {
    "stripe": ("STRIPE_WEBHOOK_SECRETS",),
    "apple": ("APPLE_APPS", "APPLE_MAX_AGE_DAYS", "APPLE_ROOT_CERTIFICATES"),
    "google": (*GOOGLE_NEEDED, "GOOGLE_CERTS_URL"),
}
"""What the function of each source has to know. serverless.yml gives it the right to read these and no others."""

CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"


def settings_of(
    environment: Mapping[str, str],
    names: Sequence[str],
    get: GetParameters,
    folder: Path = Path("/tmp"),  # noqa: S108 - the one folder that a function may write, and nobody else sees
) -> Settings:
    """The settings `names`, and what else the environment says. `get` gives parameters by their paths, leaving out
    those that there are not. Raises SettingsError with every problem at once, and what `get` raises.
    """
    found = {name: value for name, value in environment.items() if name in KNOWN}
    path = environment.get("SETTINGS_PATH")
    if path:
        found |= {name.removeprefix(path): value for name, value in get([path + name for name in names]).items()}
    if found.get(CREDENTIALS, "").lstrip().startswith("{"):
        found[CREDENTIALS] = str(_file(folder, found[CREDENTIALS]))
    return read_settings(found)


def _file(folder: Path, content: str) -> Path:
    """A credentials file, as google-auth reads it, with the content of the parameter."""
    file = folder / "google-credentials.json"
    file.touch(mode=0o600)
    file.write_text(content)
    return file
