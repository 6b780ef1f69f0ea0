"""What both homes have in common when they take a webhook in: its bounds, its proof, and what the log says of it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from bridge.errors import CannotTell, Forged, LedgerError, Refused, TooLarge
from bridge.log import Log, fault_place
from bridge.values.records import Notification

MAX_BODY_BYTES = 1 << 20  # far above the 60 KB of a Stripe invoice with 40 lines


def too_large(max_body_bytes: int = MAX_BODY_BYTES) -> TooLarge:
    """The refusal of a body over the cap."""
    return TooLarge(f"The body is larger than {max_body_bytes} bytes.")


def not_empty(body: bytes) -> bytes:
    """The body as it is. Raises Forged when there is none."""
    if not body:
        raise Forged("The body is empty.", code="empty_body")
    return body


def not_configured_message(settings: Sequence[str]) -> str:
    """What a source without its settings says."""
    return f"Webhooks of this source are not taken: set {', '.join(settings)} and start the bridge again."


@contextmanager
def only_refusals(source: str, log: Log) -> Iterator[None]:
    """Whatever goes wrong inside comes out as a Refused: a fault of ours loses no event, for its sender comes again."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # noqa: BLE001 - see above
        log("fault", level="error", source=source, fault=type(error).__name__, at=fault_place(error))
        raise CannotTell("The bridge has a fault here, which its log tells of. Please send this again.") from None


def log_refused(refusal: Refused) -> dict[str, object]:
    """What the log says of a webhook that was not taken."""
    return {"outcome": "refused", "code": refusal.code}


def log_taken(notification: Notification, outcome: str) -> dict[str, object]:
    """What the log says of a proven and kept webhook; nothing of its content."""
    return {
        "outcome": outcome,
        "type": notification.type,
        "id": notification.id,
        "environment": notification.environment.value,
        "bytes": len(notification.body),
    }


def log_not_kept(error: Exception, log: Log) -> None:
    """Log why the ledger did not keep notifications, whatever it was."""
    message = str(error) if isinstance(error, LedgerError) else f"unforeseen, at {fault_place(error)}"
    log("ledger_failed", level="error", fault=type(error).__name__, message=message)
