"""The access token for the Play Developer API: google-auth's credentials over httpx, fetched once for all threads.

Credentials are refreshed directly. The package's `before_request` would start a thread that asks Google for "allowed
locations", which is of no use here and must not be left behind in a frozen AWS Lambda.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from google.auth import aws
from google.auth import exceptions as google_errors
from google.auth.credentials import Credentials
from google.auth.transport import Request
from google.oauth2 import service_account

from bridge.errors import NotYet, SettingsError
from bridge.sources.google.web import Response, Unreachable, exchange, new_client
from bridge.values.times import SECOND_MS, Clock, system_clock

SCOPE = "https://www.googleapis.com/auth/androidpublisher"
EARLY_MS = 225 * SECOND_MS  # before its end a token counts as stale (google-auth's REFRESH_THRESHOLD)
PAUSE_MS = 10 * SECOND_MS  # after a failure, so that each of a hundred look-ups does not wait for the same time-out
TIMEOUTS = httpx.Timeout(10, connect=5)
LONGEST_S = 15.0
MAX_BYTES = 256 << 10

_LOADERS: Mapping[str, Callable[..., Any]] = {
    "service_account": service_account.Credentials.from_service_account_info,
    "urn:ietf:params:aws:token-type:aws4_request": aws.Credentials.from_info,
}
_OAUTH_ERROR = re.compile(r"[a-z_]{1,40}")


def load_credentials(file: Path) -> Credentials:
    """The credentials in a file: a service account's key, or an external account of AWS (keyless federation).

    Source of the two forms: https://cloud.google.com/docs/authentication/application-default-credentials. Raises
    SettingsError when there is neither in it.
    """
    try:
        info = json.loads(file.read_bytes())
        return _credentials(info)
    except OSError as error:
        raise _unusable(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, AttributeError, KeyError, google_errors.GoogleAuthError):
        raise _unusable(
            f"{file} is neither the JSON key of a service account nor the configuration of an external account of AWS "
            "(Google Cloud console, IAM & Admin, Service accounts, Keys; or Workload Identity Federation)"
        ) from None


class AccessToken:
    """A token that is fetched when needed, by one thread at a time. Safe to use from several."""

    def __init__(self, credentials: Credentials, clock: Clock = system_clock) -> None:
        self._credentials = credentials
        self._clock = clock
        self._lock = threading.Lock()
        self._transport = HttpxTransport()
        self._token = ""
        self._use_until_ms = 0
        self._failure = ""
        self._retry_at_ms = 0

    def get(self) -> str:
        """The token, a new one when the last is about to end. Raises NotYet when there is none for now."""
        with self._lock:
            if self._clock() >= self._use_until_ms:
                self._renew()
            return self._token

    def renew(self, rejected: str) -> str:
        """A token other than the one Google rejected, which another thread may have fetched. Raises NotYet."""
        with self._lock:
            if self._token == rejected:
                self._renew()
            return self._token

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def _renew(self) -> None:
        now_ms = self._clock()
        if now_ms < self._retry_at_ms:
            raise NotYet(self._failure)
        try:
            self._credentials.refresh(self._transport)  # type: ignore[no-untyped-call]  # google-auth is typed in part
        except Exception as error:  # noqa: BLE001 - what the package meets in an answer varies; the look-up can wait
            self._failure, self._retry_at_ms = _reason(error), now_ms + PAUSE_MS
            raise NotYet(self._failure) from None
        self._token = str(self._credentials.token)
        self._use_until_ms = now_ms + _life_ms(self._credentials.expiry) - EARLY_MS


class HttpxTransport(Request):
    """google-auth's HTTP interface, over httpx: its own, over requests, doubles the time of a start (measured)."""

    def __init__(self) -> None:
        self._http = new_client(TIMEOUTS)

    def __call__(
        self,
        url: str,
        method: str = "GET",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002 - ours are shorter than the package's 120 s
        **_options: Any,
    ) -> "_GoogleAuthResponse":
        """Send one request. Raises google.auth.exceptions.TransportError."""
        try:
            answer = exchange(
                self._http, method, url, max_bytes=MAX_BYTES, longest_s=LONGEST_S, content=body, headers=headers
            )
        except Unreachable as error:
            raise google_errors.TransportError(str(error)) from None  # type: ignore[no-untyped-call]  # as above
        return _GoogleAuthResponse(answer)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()


class _GoogleAuthResponse:
    """An answer under the names that google-auth reads."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.headers = response.headers
        self.data = response.body


def _credentials(info: Mapping[str, Any]) -> Credentials:
    kind = info["type"] if info["type"] != "external_account" else info["subject_token_type"]
    credentials: Credentials = _LOADERS[kind](info, scopes=[SCOPE])
    return credentials


def _unusable(problem: str) -> SettingsError:
    return SettingsError([f"GOOGLE_APPLICATION_CREDENTIALS: {problem}"])


def _life_ms(expiry: datetime | None) -> int:
    """How long a token lives. The package reckons with the machine's clock; only the length is taken from it."""
    if expiry is None:
        return 0
    now = datetime.now(UTC).replace(tzinfo=None)  # `expiry` is a naive time in UTC
    return int((expiry - now).total_seconds() * SECOND_MS)


def _reason(error: Exception) -> str:
    if isinstance(error, google_errors.TransportError):
        return f"Google: its token service to be reachable ({error})"
    if isinstance(error, google_errors.RefreshError):
        said = _OAUTH_ERROR.match(str(next(iter(error.args), "")))  # such as `invalid_grant: Invalid JWT Signature.`
        word = f" ({said[0]})" if said else ""
        return (
            f"Google: an access token for the account in GOOGLE_APPLICATION_CREDENTIALS{word}. Does its key still "
            "exist, and is the clock of this machine right?"
        )
    return f"Google: a readable answer of its token service ({type(error).__name__})"
