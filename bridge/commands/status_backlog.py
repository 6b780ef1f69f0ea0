"""What `bridge status` says of the events that are still to be sent: how old they are, and when they will be gone."""

from collections.abc import Iterator

from bridge.delivery.batching import Forecast, forecast
from bridge.delivery.standing import KeptStanding, Standing
from bridge.ledger.base import AGES_MS, Backlog, Ledger, LedgerStatus
from bridge.settings import FloKitSettings
from bridge.values.records import Document, Environment
from bridge.values.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, iso

RATE_LIMITED = 429


def backlogs(ledger: Ledger, found: LedgerStatus, flokit: FloKitSettings, now_ms: int) -> list[Document]:
    """A document for each environment that has something to send. Raises LedgerError."""
    return [_backlog(Environment(environment), ledger, found, flokit, now_ms) for environment in sorted(found.backlog)]


def doubtful(found: LedgerStatus) -> list[Document]:
    """How many events FloKit may have twice, by environment and state."""
    return [
        {"environment": environment, "state": state, "count": count}
        for (environment, state), count in sorted(found.doubtful.items())
    ]


def lines(document: Document) -> Iterator[str]:
    """Both for people."""
    for row in document["backlog"]:
        ages = ", ".join(f"{age['count']:,} {age['entered']}" for age in row["by_age"])
        split = f"{row['due']:,} due, {row['later']:,} later"
        yield f"backlog  {row['environment']}: {row['to_send']:,} to send ({split}); {ages}"
        yield f"backlog  {row['environment']}: {_end(row)}"
    for row in document["may_be_doubled"]:
        may = "may have arrived twice" if row["state"] == "sent" else "may arrive twice"
        yield f"doubled  {row['environment']}: {row['count']:,} {row['state']} {may}: FloKit's answer was lost"


def _backlog(
    environment: Environment, ledger: Ledger, found: LedgerStatus, flokit: FloKitSettings, now_ms: int
) -> Document:
    backlog = found.backlog[environment.value]
    standing = KeptStanding(ledger, environment).read()
    alone = found.doubtful.get((environment.value, "ready"), 0)
    expected = forecast(backlog, alone, standing, flokit.requests_per_minute, now_ms)
    person = _missing_key(environment, flokit) or _stopped(standing)
    return {
        "environment": environment.value,
        "to_send": backlog.count,
        "due": backlog.due,
        "later": backlog.later,
        "by_age": _by_age(backlog),
        "oldest_minutes": (now_ms - backlog.oldest_entered_ms) // MINUTE_MS,
        "waits_for": person or _failing(standing, now_ms),
        "requests": expected.requests,
        "takes_seconds": -(-expected.drain_ms // SECOND_MS),
        "drained_at": None if person or _is_down(standing) else _drained_at(expected, now_ms),
    }


def _by_age(backlog: Backlog) -> list[Document]:
    return [{"entered": _entered(within_ms), "count": count} for within_ms, count in backlog.by_age]


def _entered(within_ms: int) -> str:
    place = AGES_MS.index(within_ms)
    if within_ms == AGES_MS[-1]:
        return f"more than {_length(AGES_MS[place - 1])} ago"
    return f"less than {_length(within_ms)} ago"


def _missing_key(environment: Environment, flokit: FloKitSettings) -> str:
    if environment is Environment.UNKNOWN:
        return "a look-up that tells whether its money is real"
    if environment is Environment.SANDBOX:
        return "" if flokit.sandbox_api_key else "FLOKIT_SANDBOX_API_KEY, which is not set here"
    return "" if flokit.api_key else "FLOKIT_API_KEY, which is not set here"


def _stopped(standing: Standing) -> str:
    return f"a person: FloKit answered {standing.status or 'nothing'}: {standing.reason}" if standing.stopped else ""


def _failing(standing: Standing, now_ms: int) -> str:
    if not standing.failures:
        return ""
    again = f"tried again in {_length(standing.wait_ms(now_ms))}"
    if standing.status == RATE_LIMITED:
        return f"FloKit, which asks for fewer requests (429); {again}"
    answered = f"answered {standing.status}: {standing.reason}" if standing.status else standing.reason
    return f"FloKit, which failed {standing.failures} times in a row ({answered}); {again}"


def _is_down(standing: Standing) -> bool:
    return bool(standing.failures) and standing.status != RATE_LIMITED


def _drained_at(expected: Forecast, now_ms: int) -> str:
    return iso((now_ms + expected.pause_ms + expected.drain_ms) // SECOND_MS * SECOND_MS)


def _end(row: Document) -> str:
    takes = f"{_length(row['takes_seconds'] * SECOND_MS)} ({row['requests']:,} requests)"
    waits = f"waits for {row['waits_for']}; " if row["waits_for"] else ""
    if row["drained_at"]:
        return f"{waits}drained in about {takes}, at {row['drained_at']}, while the bridge runs"
    return f"{waits}then drained in about {takes}"


def _length(length_ms: int) -> str:
    """`90000` as `2 min`: whole units, rounded up, as people say them."""
    for unit_ms, name in ((DAY_MS, "days"), (HOUR_MS, "h"), (MINUTE_MS, "min")):
        if length_ms >= 2 * unit_ms or (length_ms == unit_ms and name != "days"):
            return f"{-(-length_ms // unit_ms)} {name}"
    return f"{-(-length_ms // SECOND_MS)} s"
