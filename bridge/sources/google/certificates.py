"""The certificates that Google signs push tokens with: fetched when needed, kept as long as Google allows.

The check itself is google-auth's, with a key object that is made once and not for each token as the package does it.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from google.auth.crypt.rsa import RSAVerifier

from bridge.errors import CannotTell, NeedsKeys
from bridge.values import jsontext
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

CERTS_URL = "https://www.googleapis.com/oauth2/v1/certs"
MAX_BYTES = 64 << 10  # Google sends two or three certificates of 1 KB each
CONNECT_S, READ_S, LONGEST_S = 3.0, 3.0, 5.0  # Pub/Sub waits 10 s for an answer, unless it is set to wait longer
AFTER_SUCCESS_MS = MINUTE_MS  # strangers can name key ids that do not exist, and may not make us hammer Google
AFTER_FAILURE_MS = 10 * SECOND_MS
DEFAULT_AGE_MS = HOUR_MS  # without Cache-Control; Google's says about six hours
MAX_AGE_MS = DAY_MS
KEPT_MS = 2 * DAY_MS  # Google changes its keys about daily: what is older signs nothing any more

_MAX_AGE = re.compile(r"\bmax-age=([0-9]{1,9})\b")


@dataclass(frozen=True, slots=True)
class _Known:
    """The last good set, and what came of the last try (epoch milliseconds)."""

    verifiers: Mapping[str, RSAVerifier] = field(default_factory=dict)
    fetched_at_ms: int = 0
    fresh_until_ms: int = 0
    retry_at_ms: int = 0
    failure: str = ""


class CertificateCache:
    """Google's signing keys by key id. Safe to use from several threads; only `fetch` goes out."""

    def __init__(self, url: str = CERTS_URL) -> None:
        self._url = url
        self._known = _Known()
        self._fetching = threading.Lock()

    def verifier(self, key_id: str, now_ms: int) -> RSAVerifier | None:
        """The key of that id, None when Google has no such key.

        Raises NeedsKeys when the certificates must be fetched first, CannotTell when they are out of reach for now.
        """
        known = self._known
        found = known.verifiers.get(key_id)
        if found and now_ms < known.fresh_until_ms:
            return found
        if now_ms >= known.retry_at_ms:
            raise NeedsKeys(partial(self.fetch, now_ms))
        if not found and known.failure:
            raise CannotTell(f"Google's certificates are out of reach ({known.failure}). Please send this again.")
        return found

    def fetch(self, now_ms: int) -> None:
        """Fetch the certificates, unless another thread just has. A failure keeps the last good set."""
        with self._fetching:
            if now_ms >= self._known.retry_at_ms:
                self._known = self._fetched(now_ms)

    def _fetched(self, now_ms: int) -> _Known:
        from bridge.sources.google.web import Unreachable  # noqa: PLC0415 - the web client is dear, and seldom needed

        try:
            verifiers, age_ms = _fetch(self._url)
        except (Unreachable, ValueError) as error:
            return self._failed(now_ms, str(error))
        except OSError as error:  # the trusted authorities of the machine cannot be read
            return self._failed(now_ms, type(error).__name__)
        return _Known(verifiers, now_ms, now_ms + age_ms, now_ms + AFTER_SUCCESS_MS)

    def _failed(self, now_ms: int, failure: str) -> _Known:
        too_old = now_ms - self._known.fetched_at_ms > KEPT_MS
        kept = _Known() if too_old else self._known
        return replace(kept, retry_at_ms=now_ms + AFTER_FAILURE_MS, failure=failure)


def _fetch(url: str) -> tuple[dict[str, RSAVerifier], int]:
    """The keys and for how long they are fresh. Raises Unreachable, ValueError for an answer that is not Google's."""
    import httpx  # noqa: PLC0415 - dear, and needed a few times a day

    from bridge.sources.google.web import exchange, new_client  # noqa: PLC0415 - as above

    timeouts = httpx.Timeout(READ_S, connect=CONNECT_S)
    with new_client(timeouts) as client:
        response = exchange(client, "GET", url, max_bytes=MAX_BYTES, longest_s=LONGEST_S)
    if response.status != 200:
        raise ValueError(f"HTTP {response.status}")
    return _verifiers(response.body), _age_ms(response.headers)


def _verifiers(body: bytes) -> dict[str, RSAVerifier]:
    try:
        certificates = jsontext.loads(body)
        found = {key_id: _verifier(pem) for key_id, pem in certificates.items()}
    except (ValueError, AttributeError, UnsupportedAlgorithm):
        raise ValueError("not Google's certificates") from None
    if not found:
        raise ValueError("no certificates")
    return found


def _verifier(pem: object) -> RSAVerifier:
    """The key of a certificate. Raises ValueError when there is none, or none that RS256 can use."""
    key = x509.load_pem_x509_certificate(str(pem).encode()).public_key()
    return RSAVerifier(key)  # type: ignore[no-untyped-call]  # google-auth is typed in part


def _age_ms(headers: Mapping[str, str]) -> int:
    """For how long the answer stays fresh (RFC 9111, section 4.2): its max-age less the time it lay in caches."""
    match = _MAX_AGE.search(headers.get("cache-control", ""))
    if match is None:
        return DEFAULT_AGE_MS
    lay_s = headers.get("age", "0")
    lain_ms = int(lay_s) * SECOND_MS if lay_s.isdecimal() and len(lay_s) < 10 else 0
    return min(max(int(match[1]) * SECOND_MS - lain_ms, 0), MAX_AGE_MS)
