"""What AWS refused, or could not be asked."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from bridge.errors import BridgeError


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Why one write of a transaction was not made: `code` is "None" when it was not the cause.

    `item` is what stood there, as DynamoDB writes it, where the write asked for it.
    """

    code: str
    item: dict[str, Any] = field(default_factory=dict, repr=False)


class AwsError(BridgeError):
    """A call that did not succeed; the text says what to do, and holds no secret and nothing of what was sent.

    `code` is AWS's own word, such as AccessDeniedException; empty when there was no answer. `status` is the HTTP
    status, 0 without an answer. `reasons` has one entry for each write of a cancelled transaction; `item` is what
    stood there when a condition failed, if the call asked for it.
    """

    def __init__(  # noqa: PLR0913 - an error is all of this, each by its name
        self,
        message: str,
        *,
        operation: str = "",
        code: str = "",
        status: int = 0,
        reasons: Sequence[Cancelled] = (),
        item: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.operation = operation
        self.code = code
        self.status = status
        self.reasons = reasons
        self.item = item or {}
