"""What is remembered of certificate chains, so that each is walked once and not for every notification.

A walk costs a dozen signature checks, and strangers can ask for it with chains of their own. Hence:

- A chain is remembered only after a signature by its leaf was right. The header that names the chain is part of what
  is signed, so nobody without Apple's key can put anything in here, or anything out.
- What is remembered is the answer for a time window, that of all its certificates; outside it the chain is walked.
- A remembered chain is walked anew after a while, and that needs no allowance: strangers cannot use it up.
- All other walks are limited in number. A walk that failed is remembered with the time it was for, since it says
  nothing about another time.
"""

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any, TypeVar

from bridge.errors import CannotTell, Forged
from bridge.sources.apple.jws import decoded
from bridge.sources.apple.walk import Chain, Walker
from bridge.values.times import MINUTE_MS

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED_FOR_MS = 15 * MINUTE_MS  # as the library's own cache, which it uses with online checks only
MAX_REMEMBERED = 32  # likewise; Apple signs with one or two chains at a time
MAX_FAILURES = 512
MAX_HEADER_CHARS = 16_384  # Apple's headers have about 5,500
WALKS_AT_ONCE = 50
WALKS_A_SECOND = 5  # one hundredth of a processor


class Allowance:
    """So many at once, and after that so many a second."""

    def __init__(self, at_once: int, a_second: int) -> None:
        self._most = at_once * 1_000
        self._left = self._most  # thousandths
        self._a_second = a_second
        self._taken_at_ms = 0

    def take(self, now_ms: int) -> bool:
        """Use one, if there is one left."""
        self._left = min(self._most, self._left + max(0, now_ms - self._taken_at_ms) * self._a_second)
        self._taken_at_ms = now_ms
        if self._left < 1_000:
            return False
        self._left -= 1_000
        return True


class Chains:
    """Finds the proven chain that the header of a JWS names. `walks` counts the walks so far.

    To be used on one event loop.
    """

    def __init__(self, roots: Sequence[bytes]) -> None:
        self._walker = Walker(roots)
        self._proven: dict[str, Chain] = {}
        self._failed: dict[bytes, None] = {}
        self._allowance = Allowance(WALKS_AT_ONCE, WALKS_A_SECOND)
        self.walks = 0

    def find(self, header: str, at_s: int, now_ms: int) -> Chain:
        """The chain of a header segment, proven as of `at_s` (epoch seconds), the time the JWS says it was signed at.

        Raises Forged when the library does not accept it, CannotTell when too many unknown ones came at once.
        """
        chain = self._proven.get(header)
        if chain is None or not chain.covers(at_s):
            return self._first_sight(header, at_s, now_ms)
        if abs(now_ms - chain.proven_at_ms) < REMEMBERED_FOR_MS:
            return chain
        self._proven[header] = self._walk(_certificates(header), at_s, now_ms)
        return self._proven[header]

    def remember(self, header: str, chain: Chain) -> None:
        """Remember the chain of this header. Only to be called after the leaf's signature over it was right."""
        if self._proven.get(header) is not chain:
            _put(self._proven, header, chain, MAX_REMEMBERED)

    @property
    def held(self) -> int:
        """How many chains and failures are remembered now."""
        return len(self._proven) + len(self._failed)

    def _first_sight(self, header: str, at_s: int, now_ms: int) -> Chain:
        x5c = _certificates(header)
        question = sha256(f"{at_s}.{header}".encode()).digest()
        if question in self._failed:
            raise Forged("A certificate chain in it is not Apple's.")
        if not self._allowance.take(now_ms):
            raise CannotTell("Too many unknown certificate chains at once. Please send this again.")
        try:
            return self._walk(x5c, at_s, now_ms)
        except Forged:
            _put(self._failed, question, None, MAX_FAILURES)
            raise

    def _walk(self, x5c: Sequence[Any], at_s: int, now_ms: int) -> Chain:
        self.walks += 1
        return self._walker.walk(x5c, at_s, now_ms)


def _certificates(header: str) -> Sequence[Any]:
    """The chain that a header segment names. Raises Forged for a header that the library does not accept."""
    if len(header) > MAX_HEADER_CHARS:
        raise Forged("The header of a signed part is too long.")
    try:
        fields = json.loads(decoded(header))
    except (ValueError, RecursionError):
        raise Forged("The header of a signed part is not readable.") from None
    if not isinstance(fields, dict) or fields.get("alg") != "ES256" or not _understood(fields):
        raise Forged("A part is not signed the way Apple signs (ES256).")
    x5c = fields.get("x5c")
    if not isinstance(x5c, list) or len(x5c) != 3:
        raise Forged("A signed part does not carry a chain of three certificates (x5c).")
    return x5c


def _understood(fields: dict[str, Any]) -> bool:
    """RFC 7515, sections 4.1.4 and 4.1.11: a key id is text, and a critical extension must be understood. The one that
    PyJWT knows is `b64` (RFC 7797), which must not be false, for then the payload is elsewhere."""
    critical = fields.get("crit", ["b64"])
    return (
        isinstance(fields.get("kid", ""), str)
        and fields.get("b64") is not False
        and isinstance(critical, list)
        and critical != []
        and all(name == "b64" for name in critical)
        and ("crit" not in fields or "b64" in fields)
    )


def _put(memory: dict[K, V], key: K, value: V, most: int) -> None:
    """Add an entry; beyond `most` the oldest goes."""
    memory[key] = value
    if len(memory) > most:
        del memory[next(iter(memory))]
