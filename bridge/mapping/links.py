"""The event that joins the two histories of one user: sent first under an anonymous id, known by name only later.

FloKit joins them once an event carries both ids (flokitai.com, "Identity mapping"). Mostly the next event does. Where
none is due, because what told of the user is no event, or one that was sent already, this one is sent by itself.
"""

from bridge.mapping.conversions import CONVERSIONS
from bridge.mapping.drafts import body_of, environment_of, key_of, time_of
from bridge.mapping.fields import Field, Found, UnusableError
from bridge.mapping.paths import FactPath
from bridge.mapping.taxonomy import USER_LINKED, Taxonomy
from bridge.mapping.users import UserRules
from bridge.values.records import Document, Event

_OCCURRED_AT = FactPath("occurred_at_ms")
_PROPERTIES = {
    "store": Field((FactPath("source"),)),
    "environment": Field((FactPath("environment"),)),
    "subscription_id": Field((FactPath("subscription.id"),)),
    "notification_id": Field((FactPath("notification_id"),)),
    "notification_type": Field((FactPath("type"),)),
    "received_at": Field((FactPath("received_at_ms"),), conversion=CONVERSIONS["iso_time"]),
}


def link(facts: Document, users: UserRules, taxonomy: Taxonomy) -> Event | None:
    """An event with both ids, if the facts name the user of what was sent under an anonymous id; else None.

    Its key is made of the anonymous id: no second user is ever joined to it.
    """
    user = users.resolve(facts)
    spec = taxonomy.events[USER_LINKED]
    if not (spec.send and user.user_id and user.anonymous_id):
        return None
    try:
        at_ms, timestamp = time_of(_OCCURRED_AT, facts)
        key = key_of(facts, str(user.anonymous_id.value), spec.key)
        body = body_of(spec.name, timestamp, user, _properties(facts, taxonomy), taxonomy)
        return Event(spec.key, key, environment_of(facts), at_ms, body)
    except UnusableError:
        return None


def _properties(facts: Document, taxonomy: Taxonomy) -> dict[str, Found]:
    found = {key: field.read(facts) for key, field in _PROPERTIES.items() if key in taxonomy.properties}
    return {key: value for key, value in found.items() if value is not None}
