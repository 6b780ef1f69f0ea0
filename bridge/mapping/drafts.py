"""From facts and a rule to one event, ready to send."""

import re
from dataclasses import dataclass
from typing import Any

from bridge.mapping.amounts import Amounts, read_amounts
from bridge.mapping.fields import Found, UnusableError
from bridge.mapping.paths import FactPath, shown
from bridge.mapping.rules import Emission
from bridge.mapping.taxonomy import Taxonomy
from bridge.mapping.users import User, UserRules
from bridge.values import jsontext
from bridge.values.records import Document, Environment, Event
from bridge.values.times import iso

_ENVIRONMENT = FactPath("environment")
_KEY_PREFIX = FactPath("key_prefix")
_KEY = re.compile(r"[!-~]{1,500}")  # it travels as an HTTP header (Idempotency-Key): printable ASCII without blanks


@dataclass(frozen=True, slots=True)
class Draft:
    """An event, and where each part of it came from (by the bridge's own names)."""

    event: Event
    user: User
    properties: dict[str, Found]


def draft(emission: Emission, facts: Document, users: UserRules, taxonomy: Taxonomy) -> Draft:
    """The event of a rule. Raises UnusableError when a needed value is absent, or one that is there cannot be used."""
    amounts = read_amounts(facts, emission.money, emission.event.money)
    properties = _properties(emission, facts, users, amounts)
    _check_needs(emission, properties)
    user = users.resolve(facts)
    occurred_at_ms, timestamp = time_of(emission.timestamp, facts)
    event = Event(
        name=emission.event.key,
        key=_key(emission, facts),
        environment=environment_of(facts),
        occurred_at_ms=occurred_at_ms,
        body=body_of(emission.event.name, timestamp, user, properties, taxonomy),
        revenue=amounts.revenue,
        currency=amounts.currency,
    )
    return Draft(event, user, properties)


def _properties(emission: Emission, facts: Document, users: UserRules, amounts: Amounts) -> dict[str, Found]:
    found = {key: value for key, field in emission.fields.items() if (value := field.read(facts)) is not None}
    if (hashed := users.hashed_email(facts)) is not None:
        found["email_hash"] = Found(hashed, "email_hash")
    return found | amounts.properties


def _check_needs(emission: Emission, properties: dict[str, Found]) -> None:
    for need in emission.needs:
        if need not in properties:
            field = emission.fields.get(need)
            paths = ", ".join(path.text for path in field.paths) if field else emission.money.text
            raise UnusableError(f"{emission.event.key} needs {need}, and the facts have nothing at {paths}")


def body_of(name: str, timestamp: str, user: User, properties: dict[str, Found], taxonomy: Taxonomy) -> bytes:
    """What is sent. Raises UnusableError without any user."""
    sent_name = taxonomy.sent_names
    body: dict[str, Any] = {"event": name}
    if user.user_id:
        body[sent_name["user_id"]] = user.user_id.value
    if user.anonymous_id:
        body[sent_name["anonymous_id"]] = user.anonymous_id.value
    if not user.user_id and not user.anonymous_id:
        raise UnusableError("no user and nothing to derive an anonymous id from ([user] says where to look)")
    body["timestamp"] = timestamp
    body["properties"] = {sent_name[key]: found.value for key, found in properties.items()}
    return jsontext.dumps(body)


def time_of(path: FactPath, facts: Document) -> tuple[int, str]:
    """When it happened: epoch milliseconds, and ISO 8601. Raises UnusableError."""
    value = path.read(facts)
    if isinstance(value, bool) or not isinstance(value, int):
        raise UnusableError(f"{path.text}: expected epoch milliseconds, found {shown(value)}")
    try:
        return value, iso(value)
    except ValueError:
        raise UnusableError(f"{path.text}: expected a time between 1970 and 9999, found {shown(value)}") from None


def environment_of(facts: Document) -> Environment:
    """Production or sandbox. Raises UnusableError for anything else."""
    value = _ENVIRONMENT.read(facts)
    if value in (Environment.PRODUCTION, Environment.SANDBOX):
        return Environment(value)
    raise UnusableError(f"environment: expected production or sandbox, found {shown(value)}")


def _key(emission: Emission, facts: Document) -> str:
    parts = [_subject(emission, facts)]
    if not emission.event.sale:
        parts += [emission.event.key, _key_part(emission.which, facts)]
    return key_of(facts, *parts)


def key_of(facts: Document, *parts: str) -> str:
    """A key of these parts, behind the prefix that ids need which are unique only within it. Raises UnusableError."""
    key = ":".join(part for part in (_key_part(_KEY_PREFIX, facts), *parts) if part)
    if not _KEY.fullmatch(key):
        raise UnusableError(f"the key {shown(key)} has characters other than printable ASCII, or is over 500 of them")
    return key


def _subject(emission: Emission, facts: Document) -> str:
    for path in emission.subject:
        if part := _key_part(path, facts):
            return part
    raise UnusableError(
        f"nothing to make the key of {emission.event.key} from: looked at "
        f"{', '.join(path.text for path in emission.subject)}"
    )


def _key_part(path: FactPath, facts: Document) -> str:
    value = path.read(facts)
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 63:
        return str(value)
    raise UnusableError(f"{path.text}: expected a text or whole number for the key, found {shown(value)}")
