"""The App Store Server API, as far as the bridge asks it: the transactions of a subscription, and a test notification.

Source: https://developer.apple.com/documentation/appstoreserverapi/get-v2-history-_transactionid_
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from bridge.errors import BadNotification, NotAllowed, NotYet, OutOfReach, SettingsError
from bridge.sources.apple.jws import claims
from bridge.sources.apple.transactions import RECURRING
from bridge.values import jsontext
from bridge.values.records import Document, Environment
from bridge.values.times import SECOND_MS, Clock, system_clock

URLS: Mapping[str, str] = {
    Environment.PRODUCTION: "https://api.storekit.apple.com",
    Environment.SANDBOX: "https://api.storekit-sandbox.apple.com",
}
AUDIENCE = "appstoreconnect-v1"
TOKEN_SECONDS = 300  # Apple takes up to an hour; each request has its own
TIMEOUTS = httpx.Timeout(20, connect=5)
MAX_PAGES = 50  # of 20 transactions: twenty years of weeks
KEPT_TRANSACTIONS = 30  # of one subscription, the newest; the answer is kept with its notification

# What facts are stated from; who the customer is stays with Apple.
KEPT_FIELDS = (
    "transactionId", "originalTransactionId", "productId", "purchaseDate", "expiresDate", "type", "price", "currency",
    "offerType", "offerDiscountType", "inAppOwnershipType", "transactionReason", "revocationDate", "revocationType",
    "revocationPercentage", "isUpgraded",
)  # fmt: skip


class AppleApi:
    """Look-ups with one In-App Purchase key of App Store Connect. Safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - the three settings, and what tests replace
        self,
        issuer_id: str,
        key_id: str,
        private_key: str,
        *,
        urls: Mapping[str, str] = URLS,
        clock: Clock = system_clock,
        timeouts: httpx.Timeout = TIMEOUTS,
    ) -> None:
        """`private_key` is the text of the .p8 file; in one line, as some hosts want it, with `\\n` for its line ends.

        Raises SettingsError when it is none.
        """
        self._issuer_id = issuer_id
        self._key_id = key_id
        self._key = _signing_key(private_key)
        self._urls = urls
        self._clock = clock
        self._http = httpx.Client(timeout=timeouts)

    def history(self, environment: str, bundle_id: str, transaction_id: str) -> list[Document] | None:
        """The newest transactions of a subscription, by its original transaction id, oldest first, decoded and cut to
        what is needed. None when Apple knows none.

        They come from Apple over TLS, so their signatures are not looked at. Raises NotYet.
        """
        found: list[Document] = []
        for page in self._pages(environment, bundle_id, transaction_id):
            found += _decoded(page)
        own = [one for one in found if one.get("originalTransactionId") == transaction_id]
        own.sort(key=lambda one: (one["purchaseDate"], one["transactionId"]))
        return own[-KEPT_TRANSACTIONS:] or None

    def request_test(self, environment: str, bundle_id: str) -> str | None:
        """Ask for a test notification. Gives the token it is followed by, None when Apple has no URL to send it to.

        Source: https://developer.apple.com/documentation/appstoreserverapi/request-a-test-notification. Raises NotYet.
        """
        answer = self._ask("POST", f"{self._urls[environment]}/inApps/v1/notifications/test", {}, bundle_id)
        return str(answer.get("testNotificationToken", "")) if answer else None

    def test_results(self, environment: str, bundle_id: str, token: str) -> list[str]:
        """What came of Apple's attempts to send a test notification, such as `SUCCESS`; empty before the first.

        Source: https://developer.apple.com/documentation/appstoreserverapi/sendattemptresult. Raises NotYet.
        """
        url = f"{self._urls[environment]}/inApps/v1/notifications/test/{quote(token, safe='')}"
        attempts = (self._ask("GET", url, {}, bundle_id) or {}).get("sendAttempts")
        rows = attempts if isinstance(attempts, list) else []
        return [str(row.get("sendAttemptResult")) for row in rows if isinstance(row, dict)]

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _pages(self, environment: str, bundle_id: str, transaction_id: str) -> Iterator[Document]:
        url = f"{self._urls[environment]}/inApps/v2/history/{quote(transaction_id, safe='')}"
        parameters = {"productType": "AUTO_RENEWABLE", "sort": "ASCENDING"}
        for _ in range(MAX_PAGES):
            page = self._ask("GET", url, parameters, bundle_id)
            if page is None:
                return
            yield page
            if not page.get("hasMore"):
                return
            parameters = {**parameters, "revision": str(page.get("revision"))}

    def _ask(self, method: str, url: str, parameters: Mapping[str, str], bundle_id: str) -> Document | None:
        headers = {"Authorization": f"Bearer {self._token(bundle_id)}"}
        try:
            response = self._http.request(method, url, params=dict(parameters), headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise OutOfReach(f"Apple: the App Store Server API to be reachable ({type(error).__name__})") from None
        return _read(response)

    def _token(self, bundle_id: str) -> str:
        """https://developer.apple.com/documentation/appstoreserverapi/generating-json-web-tokens-for-api-requests"""
        now_s = self._clock() // SECOND_MS
        words = {
            "iss": self._issuer_id,
            "iat": now_s,
            "exp": now_s + TOKEN_SECONDS,
            "aud": AUDIENCE,
            "bid": bundle_id,
        }
        return jwt.encode(words, self._key, algorithm="ES256", headers={"kid": self._key_id})


def _signing_key(private_key: str) -> EllipticCurvePrivateKey:
    try:
        key = load_pem_private_key(private_key.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError):
        key = None
    if not (isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)):
        raise SettingsError(
            ["APPLE_PRIVATE_KEY: expected the text of the .p8 file that App Store Connect gave for this key"]
        )
    return key


def _read(response: httpx.Response) -> Document | None:
    """The page of an answer; None when Apple has none and never will."""
    if response.status_code == 200:
        return _object(response.content)
    if response.status_code in {400, 404}:  # asked again, these say the same
        return None
    if response.status_code in {401, 403}:
        raise NotAllowed(
            f"Apple: the App Store Server API key is not accepted ({response.status_code}): look at APPLE_ISSUER_ID, "
            "APPLE_KEY_ID and APPLE_PRIVATE_KEY (App Store Connect, Users and Access, Integrations, In-App Purchase)"
        )
    raise NotYet(f"Apple: the App Store Server API to answer again ({response.status_code})")


def _object(body: bytes) -> Document:
    try:
        document = jsontext.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise NotYet("Apple: a readable answer of the App Store Server API")
    return document


def _decoded(page: Document) -> Iterator[Document]:
    """The subscriptions among a page's transactions."""
    texts = page.get("signedTransactions")
    for text in texts if isinstance(texts, list) else []:
        one = _claims(text)
        if one.get("type") == RECURRING and isinstance(one.get("purchaseDate"), int) and one.get("transactionId"):
            yield {name: one[name] for name in KEPT_FIELDS if name in one}


def _claims(text: Any) -> Document:
    try:
        return claims(text) if isinstance(text, str) else {}
    except BadNotification:
        raise NotYet("Apple: a readable answer of the App Store Server API") from None
