"""One request to FloKit's Events API, and what came of it."""

import hashlib
import re
import time
from collections.abc import Sequence

import httpx

from bridge import __version__
from bridge.delivery import answers
from bridge.delivery.verdicts import Answer, Stop, TryAgain
from bridge.values.records import Batch, Ready
from bridge.values.times import Clock, system_clock

MAX_BATCH = 1_000  # events in one request (FloKit, "Batch events")
MAX_ANSWER_BYTES = 1024 * 1024  # a thousand refusals with a long reason each are a fifth of it
LONGEST_ANSWER_S = 60  # for the whole body, however slowly it drips
TIMEOUTS = httpx.Timeout(connect=10, read=30, write=30, pool=10)

_HEADER_SAFE = re.compile(r"[!-~]{1,255}")

# Before a connection stands nothing can have reached FloKit; after that, anything may have.
_NOT_CONNECTED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError)


class FlokitClient:
    """Sends events as the JSON they are stored as. Holds one connection; to be used by one thread at a time.

    Raises ValueError for an API key that no header can carry, httpx.InvalidURL for an address that is none.
    """

    def __init__(
        self, url: str, api_key: str, *, clock: Clock = system_clock, timeouts: httpx.Timeout = TIMEOUTS
    ) -> None:
        if not _HEADER_SAFE.fullmatch(api_key):
            raise ValueError("the FloKit API key must be 1 to 255 printable ASCII characters without spaces")
        self._clock = clock
        # Answers come uncompressed, so that a small one cannot become a huge one.
        headers = {
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": f"webhook-bridge/{__version__}",
        }
        self._http = httpx.Client(base_url=httpx.URL(url), headers=headers, timeout=timeouts, follow_redirects=False)

    def send(self, parcel: Ready | Batch) -> Answer:
        """Send one event with its Idempotency-Key, or a batch of up to 1,000. Nothing the network does raises."""
        try:
            return self._send_single(parcel) if isinstance(parcel, Ready) else self._send_batch(parcel)
        except _NOT_CONNECTED as error:
            return TryAgain(0, f"no connection to FloKit ({type(error).__name__})", in_doubt=False)
        except httpx.UnsupportedProtocol:
            return Stop(0, "FLOKIT_API_URL must begin with https://")
        except httpx.TransportError as error:
            return TryAgain(0, f"no answer from FloKit ({type(error).__name__})", in_doubt=True)

    def integrations(self) -> answers.Response:
        """The workspace's integrations as FloKit answers (`GET /v1/integrations`). Raises httpx.TransportError.

        Source: https://docs.flokitai.com/api-reference/integrations
        """
        return self._exchange("GET", "/v1/integrations", b"", {})

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send_single(self, event: Ready) -> Answer:
        response = self._exchange("POST", "/v1/events", event.body, {"Idempotency-Key": idempotency_key(event.key)})
        return answers.of_single(response, self._clock())

    def _send_batch(self, batch: Batch) -> Answer:
        response = self._exchange("POST", "/v1/batch/events", joined(batch.bodies), {})
        return answers.of_batch(response, len(batch.seqs), self._clock())

    def _exchange(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> answers.Response:
        with self._http.stream(method, path, content=body, headers=headers) as response:
            return answers.Response(response.status_code, response.headers, _bounded_body(response))


def joined(bodies: Sequence[bytes]) -> bytes:
    """The body of a batch. One join: each further copy of half a megabyte would show in the cost of an event."""
    parts = list(bodies)
    parts[0] = b'{"events":[' + parts[0]
    parts[-1] += b"]}"
    return b",".join(parts)


def idempotency_key(key: str) -> str:
    """An event's key as the header carries it: as it is, or `sha256-…` of it when it is too long or not plain ASCII."""
    if _HEADER_SAFE.fullmatch(key):
        return key
    return "sha256-" + hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _bounded_body(response: httpx.Response) -> bytes:
    # What is cut short here is no longer JSON, and so is read as an answer that is not FloKit's.
    body = bytearray()
    end_at_s = time.monotonic() + LONGEST_ANSWER_S
    for chunk in response.iter_raw():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES or time.monotonic() > end_at_s:
            break
    return bytes(body)
