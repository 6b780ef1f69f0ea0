"""Calls to AWS: signed by hand over kept-open connections, because the official library costs a function 200 ms at its
start and five times the time of each call (measured). DynamoDB, SQS and the Parameter Store share one JSON protocol;
bridge/aws/objects.py has S3's.

https://smithy.io/2.0/aws/protocols/aws-json-1_0-protocol.html
"""

import json
import os
import random
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from bridge.aws.connection import Connections, Reply
from bridge.aws.credentials import FindCredentials, from_environment
from bridge.aws.errors import AwsError, Cancelled
from bridge.aws.signature import Scope, signed_headers
from bridge.values.times import Clock, system_clock

Document = dict[str, Any]

TIMEOUT_S = 5.0
TRIES = 4
FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 1.0

_TARGETS = {
    "dynamodb": ("DynamoDB_20120810", "1.0"),
    "sqs": ("AmazonSQS", "1.0"),
    "ssm": ("AmazonSSM", "1.1"),
}
"""How each service calls its protocol: the prefix of an operation's name, and the version."""

_PASSING = {
    "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException",
    "ProvisionedThroughputExceededException", "ProvisionedThroughputExceeded", "RequestLimitExceeded",
    "LimitExceededException", "TransactionInProgressException", "TransactionConflictException", "TransactionConflict",
    "ThrottlingError", "InternalServerError", "ServiceUnavailable",
}  # fmt: skip
"""The words for what goes away by itself."""

_RIGHTS = {"AccessDeniedException", "AccessDenied", "UnrecognizedClientException", "InvalidClientTokenId"}
_SIGNATURE = {"InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "ExpiredTokenException"}


@dataclass(frozen=True, slots=True)
class Service:
    """A service of a region, and where it answers."""

    name: str
    region: str
    url: str


def service_of(name: str, environment: Mapping[str, str] = os.environ, region: str = "") -> Service:
    """The service as the environment variables of AWS's own tools name it. Raises AwsError without a region.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html
    """
    found = region or environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not found:
        raise AwsError("no AWS region: set AWS_REGION, such as eu-central-1")
    suffix = "amazonaws.com.cn" if found.startswith("cn-") else "amazonaws.com"
    named = environment.get(f"AWS_ENDPOINT_URL_{name.upper()}") or environment.get("AWS_ENDPOINT_URL")
    return Service(name, found, (named or f"https://{name}.{found}.{suffix}").rstrip("/"))


class Caller:
    """Sends signed requests to one service, again where that can help. Safe to use from several threads."""

    def __init__(  # noqa: PLR0913 - all but two have values that fit
        self,
        service: Service,
        credentials: FindCredentials,
        *,
        timeout_s: float = TIMEOUT_S,
        tries: int = TRIES,
        clock: Clock = system_clock,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`timeout_s` bounds one wait for the service, `tries` how often a request is sent in all."""
        self.service = service
        self._credentials = credentials
        self._connections = Connections(service.url, timeout_s)
        self._tries = tries
        self._clock = clock
        self._sleep = sleep

    def warm_up(self) -> None:
        """Open a connection ahead of its use. Whatever fails is met, and told, by the first request."""
        with suppress(OSError, HTTPException):
            self._connections.keep(self._connections.open())

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._connections.close()

    def send(self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send a request until there is a good answer. Raises AwsError."""
        for remaining in range(self._tries - 1, -1, -1):
            try:
                return self._send(operation, method, path, headers, body)
            except AwsError as error:
                if not remaining or not _is_passing(error):
                    raise
            self._sleep(_delay_s(self._tries - 1 - remaining))
        raise AssertionError("at least one try is needed")

    def _send(self, operation: str, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        scope = Scope(self.service.name, self.service.region)
        known = {**headers, "host": self._connections.host}
        signed = signed_headers(method, path, known, body, scope, self._credentials(), self._clock())
        try:
            reply = self._connections.request(method, path, signed, body)
        except (OSError, HTTPException) as error:
            raise AwsError(
                f"{self._place(operation)}: no answer ({type(error).__name__}) from {self.service.url}; "
                "look at the network",
                operation=operation,
            ) from error
        if reply.status >= 300:
            raise self._error(operation, reply)
        return reply

    def _error(self, operation: str, reply: Reply) -> AwsError:
        document = _parsed(reply.body)
        code = _code(document, reply.body) or f"HTTP {reply.status}"
        reasons = [
            Cancelled(one.get("Code", ""), one.get("Item") or {}) for one in document.get("CancellationReasons", ())
        ]
        message = f"{self._place(operation)}: {code}{_advice(code)}"
        return AwsError(
            message, operation=operation, code=code, status=reply.status, reasons=reasons, item=document.get("Item")
        )

    def _place(self, operation: str) -> str:
        return f"AWS {self.service.name} {operation}"


class AwsClient:
    """One service that speaks JSON. Safe to use from several threads."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        prefix, version = _TARGETS[caller.service.name]
        self._prefix = prefix
        self._content_type = f"application/x-amz-json-{version}"

    @property
    def service(self) -> Service:
        """What it talks to."""
        return self._caller.service

    def call(self, operation: str, document: Document) -> Document:
        """Do an operation, such as SendMessage, with its parameters as AWS documents them. Raises AwsError."""
        headers = {"content-type": self._content_type, "x-amz-target": f"{self._prefix}.{operation}"}
        reply = self._caller.send(operation, "POST", "/", headers, json.dumps(document).encode())
        return _parsed(reply.body)

    def warm_up(self) -> None:
        """Open a connection ahead of its use; never raises."""
        self._caller.warm_up()

    def close(self) -> None:
        """Close the connections that nobody uses."""
        self._caller.close()


def service_client(  # noqa: PLR0913 - all but the name have values that fit
    name: str,
    environment: Mapping[str, str] = os.environ,
    *,
    region: str = "",
    credentials: FindCredentials = from_environment,
    timeout_s: float = TIMEOUT_S,
    tries: int = TRIES,
) -> AwsClient:
    """A client for "dynamodb", "sqs" or "ssm". Raises AwsError without a region."""
    return AwsClient(Caller(service_of(name, environment, region), credentials, timeout_s=timeout_s, tries=tries))


def _is_passing(error: AwsError) -> bool:
    if error.reasons:
        return all(reason.code == "None" or reason.code in _PASSING for reason in error.reasons)
    return error.status == 0 or error.status >= 500 or error.status == 429 or error.code in _PASSING


def _delay_s(tried: int) -> float:
    """Growing, and of random length, so that functions that met each other do not meet again."""
    longest_s: float = min(FIRST_DELAY_S * 2**tried, LONGEST_DELAY_S)
    return longest_s * random.uniform(0.5, 1)  # noqa: S311 - no secret


def _parsed(body: bytes) -> Document:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _code(document: Document, body: bytes) -> str:
    """The word for an error: JSON has it as `com.amazonaws…#ResourceNotFoundException`, S3 in XML."""
    text = document.get("__type") or body.partition(b"<Code>")[2].partition(b"</Code>")[0].decode("ascii", "replace")
    word = str(text).rpartition("#")[2].partition(":")[0]
    return word[:100] if word.isascii() and word.isprintable() else ""


def _advice(code: str) -> str:
    if code in _RIGHTS:
        return "; these credentials lack the right to it"
    if code in _SIGNATURE:
        return "; the credentials are wrong or too old, or this machine's clock is"
    return ""
