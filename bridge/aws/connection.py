"""Kept-open connections to one endpoint. Threads share them; each has one for itself while it asks."""

import ssl
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

AMAZON_ROOTS = Path(__file__).with_name("amazon-roots.pem")
"""The roots that AWS's endpoints end in, https://www.amazontrust.com/repository/: loading these five costs under a
millisecond, the whole bundle of a system sixteen, which every cold start would pay."""

MAX_ANSWER_BYTES = 32 << 20  # DynamoDB's largest page has 16 MB

_STALE = (ConnectionError, HTTPException, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""How a kept connection fails that the other side closed meanwhile, be it while the function was frozen."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an endpoint answered."""

    status: int
    body: bytes


class Connections:
    """Sends requests to one endpoint. Raises OSError or HTTPException when there is no whole answer."""

    def __init__(self, url: str, timeout_s: float) -> None:
        """`url` is the endpoint's, without a path. `timeout_s` bounds the connecting and each wait for data."""
        parts = urlsplit(url)
        self.host = parts.netloc
        self._is_tls = parts.scheme == "https"
        self._timeout_s = timeout_s
        self._idle: deque[HTTPConnection] = deque()  # its append and pop are safe between threads
        self._trusts_system = False

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """One request and its answer, over a kept connection where there is one."""
        if self._idle:
            try:
                return self._over(self._idle.pop(), method, path, headers, body)
            except _STALE:
                self.close()
            except IndexError:  # another thread took it
                pass
        return self._over(self.open(), method, path, headers, body)

    def open(self) -> HTTPConnection:
        """A new connection. An endpoint that does not end in Amazon's roots is looked up in the system's."""
        connection = self._connection()
        try:
            connection.connect()
        except ssl.SSLCertVerificationError:
            if self._trusts_system:
                raise
            self._trusts_system = True
            return self.open()
        return connection

    def keep(self, connection: HTTPConnection) -> None:
        """Keep a connection open for the next request."""
        self._idle.append(connection)

    def close(self) -> None:
        """Close what nobody uses. The next request opens a new connection."""
        while self._idle:
            self._idle.pop().close()

    def _connection(self) -> HTTPConnection:
        if not self._is_tls:
            return HTTPConnection(self.host, timeout=self._timeout_s)
        context = _system_trust() if self._trusts_system else _amazon_trust()
        return HTTPSConnection(self.host, timeout=self._timeout_s, context=context)

    def _over(
        self, connection: HTTPConnection, method: str, path: str, headers: Mapping[str, str], body: bytes
    ) -> Reply:
        try:
            connection.request(method, path, body, dict(headers))
            response = connection.getresponse()
            content = response.read(MAX_ANSWER_BYTES)
            if not response.isclosed():
                raise HTTPException("an answer that is cut off or too long")
        except BaseException:
            connection.close()
            raise
        self.keep(connection)
        return Reply(response.status, content)


@cache
def _amazon_trust() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(AMAZON_ROOTS))


@cache
def _system_trust() -> ssl.SSLContext:
    return ssl.create_default_context()
