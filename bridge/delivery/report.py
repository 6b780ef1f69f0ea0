"""What the log says of one request: counts and statuses, the key of the first event; no bodies, no users, no API key.

FloKit's own words stay in the ledger, for they may quote what was sent.
"""

from collections.abc import Mapping, Sequence

from bridge.delivery.verdicts import AllTaken, Answer, Refused, Split, Stop, Taken, TryAgain


def fields_of(answer: Answer) -> Mapping[str, object]:
    """`level`, `outcome`, `status` and what else is to be known, as fields of a log line."""
    match answer:
        case Stop():
            return {"level": "error", "outcome": "stopped", "status": answer.status, "message": answer.reason}
        case TryAgain():
            found = {"in_doubt": answer.in_doubt, "retry_after_ms": answer.delay_ms}
            return {"level": "warning", "outcome": "try_again", "status": answer.status} | found
        case Split():
            return {"level": "warning", "outcome": "split", "status": answer.status}
        case AllTaken():
            return {"level": "info", "outcome": "sent", "status": answer.status, "dead": 0}
        case verdicts:
            return _settled(verdicts)


def _settled(verdicts: Sequence[Taken | Refused]) -> Mapping[str, object]:
    dead = sum(isinstance(verdict, Refused) for verdict in verdicts)
    outcome = "sent" if dead < len(verdicts) else "dead"
    return {"level": "warning" if dead else "info", "outcome": outcome, "status": verdicts[0].status, "dead": dead}
