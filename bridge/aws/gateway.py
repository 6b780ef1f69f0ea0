"""A webhook as an HTTP API hands it to a function (payload format 2.0), and an answer as it takes it.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from base64 import b64decode
from typing import Any

from bridge.answers import Answer
from bridge.taking import MAX_BODY_BYTES, not_empty, too_large

HttpEvent = dict[str, Any]
HttpAnswer = dict[str, Any]


def body_of(event: HttpEvent) -> bytes:
    """The raw bytes of the body. Raises TooLarge, Forged when it is empty."""
    text: str = event.get("body") or ""
    # A body that is no UTF-8 text comes in base64; what cannot be encoded is no body that anybody has signed.
    body = b64decode(text) if event.get("isBase64Encoded") else text.encode(errors="replace")
    if len(body) > MAX_BODY_BYTES:
        raise too_large()
    return not_empty(body)


def headers_of(event: HttpEvent) -> dict[str, str]:
    """The headers, their names in lower case; several of one name are joined by commas, as HTTP has it."""
    return {name.lower(): value for name, value in event.get("headers", {}).items()}


def answer_of(answer: Answer) -> HttpAnswer:
    """The bridge's answer. The connection is the gateway's own, so only the type of the content is told."""
    return {
        "statusCode": answer.status,
        "headers": {"content-type": "application/json"},
        "body": answer.body["body"].decode(),
    }
