"""The certificates that Google signs push tokens with: fetched when needed, kept as long as Google allows.

The check itself is the one of google-auth, without the rest of that package, which a function on AWS would spend a
tenth of its time before the first answer on (measured), and with a key object that is made once and not for each token.
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from bridge.errors import CannotTell, NeedsKeys
from bridge.sources.google.get import NoAnswer, get
from bridge.values import jsontext
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

CERTS_URL = "https://www.googleapis.com/oauth2/v1/certs"
MAX_BYTES = 64 << 10  # Google sends two or three certificates of 1 KB each
TIMEOUT_S, LONGEST_S = 3.0, 5.0  # Pub/Sub waits 10 s for an answer, unless it is set to wait longer
AFTER_SUCCESS_MS = MINUTE_MS  # strangers can name key ids that do not exist, and may not make us hammer Google
AFTER_FAILURE_MS = 10 * SECOND_MS
DEFAULT_AGE_MS = HOUR_MS  # without Cache-Control; Google's says about six hours
MAX_AGE_MS = DAY_MS
KEPT_MS = 2 * DAY_MS  # Google changes its keys about daily: what is older signs nothing any more

_MAX_AGE = re.compile(r"\bmax-age=([0-9]{1,9})\b")


class RsaKey:
    """A key of Google's, for RS256 (RFC 7518, section 3.3)."""

    def __init__(self, key: RSAPublicKey) -> None:
        self._key = key

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Whether the signature is right."""
        try:
            self._key.verify(signature, message, PKCS1v15(), SHA256())
        except (InvalidSignature, ValueError):
            return False
        return True


@dataclass(frozen=True, slots=True)
class _Known:
    """The last good set, and what came of the last try (epoch milliseconds)."""

    verifiers: Mapping[str, RsaKey] = field(default_factory=dict)
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

    def verifier(self, key_id: str, now_ms: int) -> RsaKey | None:
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
        try:
            verifiers, age_ms = _fetch(self._url)
        except (NoAnswer, ValueError) as error:
            return self._failed(now_ms, str(error))
        except OSError as error:  # the trusted authorities of the machine cannot be read
            return self._failed(now_ms, type(error).__name__)
        return _Known(verifiers, now_ms, now_ms + age_ms, now_ms + AFTER_SUCCESS_MS)

    def _failed(self, now_ms: int, failure: str) -> _Known:
        too_old = now_ms - self._known.fetched_at_ms > KEPT_MS
        kept = _Known() if too_old else self._known
        return replace(kept, retry_at_ms=now_ms + AFTER_FAILURE_MS, failure=failure)


def _fetch(url: str) -> tuple[dict[str, RsaKey], int]:
    """The keys and for how long they are fresh. Raises NoAnswer, ValueError for an answer that is not Google's."""
    headers, body = get(url, timeout_s=TIMEOUT_S, longest_s=LONGEST_S, max_bytes=MAX_BYTES)
    return _verifiers(body), _age_ms(headers)


def _verifiers(body: bytes) -> dict[str, RsaKey]:
    try:
        certificates = jsontext.loads(body)
        found = {key_id: _verifier(pem) for key_id, pem in certificates.items()}
    except (ValueError, AttributeError, UnsupportedAlgorithm):
        raise ValueError("not Google's certificates") from None
    if not found:
        raise ValueError("no certificates")
    return found


def _verifier(pem: object) -> RsaKey:
    """The key of a certificate. Raises ValueError when there is none, or none that RS256 can use."""
    key = x509.load_pem_x509_certificate(str(pem).encode()).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return RsaKey(key)


def _age_ms(headers: Mapping[str, str]) -> int:
    """For how long the answer stays fresh (RFC 9111, section 4.2): its max-age less the time it lay in caches."""
    match = _MAX_AGE.search(headers.get("cache-control", ""))
    if match is None:
        return DEFAULT_AGE_MS
    lay_s = headers.get("age", "0")
    lain_ms = int(lay_s) * SECOND_MS if lay_s.isdecimal() and len(lay_s) < 10 else 0
    return min(max(int(match[1]) * SECOND_MS - lain_ms, 0), MAX_AGE_MS)
