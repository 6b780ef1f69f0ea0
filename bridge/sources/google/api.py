"""The Play Developer API, as far as the bridge asks it: what a purchase is, what its orders cost, what was voided.

Source: https://developers.google.com/android-publisher/api-ref/rest. Each look-up gives the JSON object as Google
states it (numbers are int or Decimal), or None when Google has none and never will. Each raises NotYet, whose reason
reads after "waiting for", when there is no answer for now: nothing that Google or the network does raises anything
else. Safe to use from several threads.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any
from urllib.parse import quote

import httpx

from bridge.errors import NotYet, OutOfReach
from bridge.sources.google.credentials import AccessToken
from bridge.sources.google.quota import Bucket, Pauses
from bridge.sources.google.refusals import GONE, is_over_quota, refusal
from bridge.sources.google.web import Response, Unreachable, exchange, new_client
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import Clock, system_clock

PLAY_URL = "https://androidpublisher.googleapis.com"
MAX_BATCH = 1_000  # orders in one call (orders.batchGet, "orderIds")
MAX_BYTES = 16 << 20  # a thousand orders have about 4 MB
LONGEST_S = 60.0
TIMEOUTS = httpx.Timeout(20, connect=5)

_UNREADABLE = "Google: a readable answer of its Play Developer API"
_ASK_FOR_FEWER = frozenset({413, 414})  # a thousand order ids make a URL of 36 kB
_NAME = re.compile(r"(?!\.+$)[!-~]{1,2000}")  # a purchase token has about 150 characters; dots alone would climb a path
_ORDER_ID = re.compile(r"[\w.-]{1,50}", re.ASCII)  # 24 to 28 characters; httpx makes no URL of more than 64 kB


class PlayApi:
    """Look-ups with one service account. `url` is GOOGLE_PLAY_URL."""

    def __init__(
        self,
        token: AccessToken,
        *,
        url: str = PLAY_URL,
        clock: Clock = system_clock,
        timeouts: httpx.Timeout = TIMEOUTS,
    ) -> None:
        self._token = token
        self._pauses = Pauses(clock)
        self._http = new_client(timeouts, base_url=url)

    def subscription(self, package: str, purchase_token: str) -> Document | None:
        """A subscription as it is now (`purchases.subscriptionsv2.get`)."""
        return self._one(Bucket.SUBSCRIPTIONS, f"{_app(package)}/purchases/subscriptionsv2/tokens/", purchase_token)

    def one_time_purchase(self, package: str, purchase_token: str) -> Document | None:
        """A one-time purchase as it is now (`purchases.productsv2.getproductpurchasev2`)."""
        return self._one(Bucket.ONE_TIME, f"{_app(package)}/purchases/productsv2/tokens/", purchase_token)

    def order(self, package: str, order_id: str) -> Document | None:
        """An order with its money as it is now (`orders.get`)."""
        return self._one(Bucket.ORDERS, f"{_app(package)}/orders/", order_id)

    def orders(self, package: str, order_ids: Sequence[str]) -> dict[str, Document]:
        """Orders by id (`orders.batchGet`), a thousand in a call; those that Google does not know are left out.

        One such id makes Google refuse the whole call; it is then found by halving.
        """
        rest = iter(dict.fromkeys(filter(_ORDER_ID.fullmatch, order_ids)))
        found: dict[str, Document] = {}
        while batch := list(islice(rest, MAX_BATCH)):
            found |= self._batch(package, batch)
        return found

    def voided_purchases(self, package: str, since_ms: int, until_ms: int) -> Iterator[Document]:
        """Purchases voided between two times (epoch milliseconds), subscriptions and parts of a quantity included
        (`purchases.voidedpurchases.list`, which goes back 30 days), page by page."""
        path = f"{_app(package)}/purchases/voidedpurchases"
        asked = {"startTime": since_ms, "endTime": until_ms, "type": 1, "includeQuantityBasedPartialRefund": "true"}
        page_token = ""
        while True:
            turn = {"token": page_token} if page_token else {}
            page = self._read(Bucket.VOIDED, self._ask(Bucket.VOIDED, path, asked | turn)) or {}
            yield from _objects(page.get("voidedPurchases", []))
            page_token = _next_page(page)
            if not page_token:
                return

    def knows(self, package: str) -> bool:
        """Whether Google knows this app. It asks for a list that takes the right to view financial data."""
        path = f"{_app(package)}/purchases/voidedpurchases"
        return self._read(Bucket.VOIDED, self._ask(Bucket.VOIDED, path, {"maxResults": 1})) is not None

    def close(self) -> None:
        """Close the connections."""
        self._http.close()
        self._token.close()

    def _batch(self, package: str, order_ids: Sequence[str]) -> dict[str, Document]:
        if len(order_ids) == 1:
            order = self.order(package, order_ids[0])
            return {order_ids[0]: order} if order else {}
        response = self._ask(Bucket.ORDERS, f"{_app(package)}/orders:batchGet", {"orderIds": list(order_ids)})
        if response.status in GONE | _ASK_FOR_FEWER:
            middle = len(order_ids) // 2
            return self._batch(package, order_ids[:middle]) | self._batch(package, order_ids[middle:])
        answer = self._read(Bucket.ORDERS, response) or {}
        orders = _objects(answer.get("orders", []))
        by_id = {order_id: order for order in orders if isinstance(order_id := order.get("orderId"), str)}
        return {order_id: by_id[order_id] for order_id in order_ids if order_id in by_id}

    def _one(self, bucket: Bucket, folder: str, name: str) -> Document | None:
        """What is under a name. One that Google would never give has nothing under it."""
        if not _NAME.fullmatch(name):
            return None
        return self._read(bucket, self._ask(bucket, folder + quote(name, safe=""), {}))

    def _ask(self, bucket: Bucket, path: str, parameters: Mapping[str, Any]) -> Response:
        self._pauses.check(bucket)
        token = self._token.get()
        response = self._send(path, parameters, token)
        if response.status == 401:  # the token may have been revoked before its time
            response = self._send(path, parameters, self._token.renew(token))
        return response

    def _send(self, path: str, parameters: Mapping[str, Any], token: str) -> Response:
        headers = {"Authorization": f"Bearer {token}"}
        try:
            return exchange(
                self._http, "GET", path, max_bytes=MAX_BYTES, longest_s=LONGEST_S, params=parameters, headers=headers
            )
        except Unreachable as error:
            raise OutOfReach(f"Google: its Play Developer API to be reachable ({error})") from None

    def _read(self, bucket: Bucket, response: Response) -> Document | None:
        if response.status == 200:
            return _object(response.body)
        if is_over_quota(response.status, response.body):
            self._pauses.begin(bucket, response.headers.get("retry-after", ""))
            self._pauses.check(bucket)
        if response.status in GONE:
            return None
        raise refusal(response.status, response.body)


def _app(package: str) -> str:
    return f"/androidpublisher/v3/applications/{quote(package, safe='')}"


def _object(body: bytes) -> Document:
    try:
        document = jsontext.loads(body)
    except ValueError:
        raise NotYet(_UNREADABLE) from None
    if not isinstance(document, dict):
        raise NotYet(_UNREADABLE)
    return document


def _objects(rows: Any) -> list[Document]:
    if not (isinstance(rows, list) and all(isinstance(row, dict) for row in rows)):
        raise NotYet(_UNREADABLE)
    return rows


def _next_page(page: Document) -> str:
    pagination = page.get("tokenPagination")
    token = pagination.get("nextPageToken") if isinstance(pagination, dict) else None
    return token if isinstance(token, str) else ""
