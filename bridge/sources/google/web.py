"""One HTTP exchange with Google, bounded in size and in time."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from bridge.errors import BridgeError


class Unreachable(BridgeError):
    """No whole answer came. The text is one word of why, such as `ConnectTimeout`."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP answer; `headers` has names in any case, `body` is whole."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def exchange(
    client: httpx.Client, method: str, url: str, *, max_bytes: int, longest_s: float, **parts: Any
) -> Response:
    """Send a request; `parts` are what httpx's `build_request` takes. `longest_s` is for the whole answer, however
    slowly it drips.

    Raises Unreachable, also when the answer is larger than `max_bytes` or takes longer, and when there is no such URL.
    """
    end_at_s = time.monotonic() + longest_s
    body = bytearray()
    try:
        response = client.send(client.build_request(method, url, **parts), stream=True)
        try:
            for chunk in response.iter_raw():
                body += chunk
                if len(body) > max_bytes or time.monotonic() > end_at_s:
                    raise Unreachable("TooLarge" if len(body) > max_bytes else "TooSlow")
        finally:
            response.close()
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        raise Unreachable(type(error).__name__) from None
    return Response(response.status_code, response.headers, bytes(body))


def new_client(timeouts: httpx.Timeout, **options: Any) -> httpx.Client:
    """A client whose answers come uncompressed, so that a small one cannot become a huge one; no redirects."""
    headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
    return httpx.Client(timeout=timeouts, headers=headers, follow_redirects=False, **options)
