"""HTTP answers as ready ASGI messages: made once, sent many times."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

import orjson

from bridge.errors import Refused

Header = tuple[bytes, bytes]
Message = MutableMapping[str, Any]  # as in starlette.types; where answers go to AWS there is no Starlette
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer."""

    status: int
    start: Message
    body: Message

    async def send(self, send: Send) -> None:
        """Send it."""
        await send(self.start)
        await send(self.body)


def json_answer(status: int, document: Mapping[str, object], headers: Iterable[Header] = ()) -> Answer:
    """An answer with a JSON body."""
    body = orjson.dumps(document)
    fixed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    return Answer(
        status,
        {"type": "http.response.start", "status": status, "headers": fixed + list(headers)},
        {"type": "http.response.body", "body": body},
    )


def error_answer(status: int, code: str, message: str, headers: Iterable[Header] = ()) -> Answer:
    """An answer that says what went wrong and what to do about it."""
    return json_answer(status, {"error": code, "message": message}, headers)


def refusal_answer(refusal: Refused) -> Answer:
    """The one place where an error of the bridge becomes a status. The connection ends: its body may be half read."""
    return error_answer(refusal.status, refusal.code, refusal.message, [(b"connection", b"close")])


def kept_answer(new: bool, hint: str) -> Answer:
    """The answer to a proven and kept notification, with what its sender ought to change if there is anything."""
    if not hint:
        return ACCEPTED if new else DUPLICATE
    return json_answer(200, {"status": "accepted" if new else "duplicate", "message": hint})


ACCEPTED = json_answer(200, {"status": "accepted"})
DUPLICATE = json_answer(200, {"status": "duplicate"})
