"""taxonomy.toml: the events and properties the bridge may send, and under which names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from bridge.mapping.sections import Section

MONEY_PROPERTIES = (
    "revenue", "currency", "refund_amount", "revenue_basis", "revenue_source", "tax", "net_revenue",
)  # fmt: skip
"""Set by the bridge from the money of the facts, never by a mapping: the sign is decided in one place."""

IDENTITY_PROPERTIES = ("user_id", "anonymous_id", "email_hash")
"""Set by the bridge from a mapping's [user]."""

CORRECTION_PROPERTIES = ("corrects", "correction_reason")
"""Set by the bridge when it corrects what was sent (bridge.corrections)."""

OWN_PROPERTIES = (*MONEY_PROPERTIES, *IDENTITY_PROPERTIES, *CORRECTION_PROPERTIES)
"""All that no mapping sets."""

REVENUE_CORRECTED, USER_LINKED = "revenue_corrected", "user_linked"
OWN_EVENTS = (REVENUE_CORRECTED, USER_LINKED)
"""Sent by the bridge about what was sent before, never by a rule."""


class Flow(StrEnum):
    """Which way the money of an event goes."""

    IN = "in"
    OUT = "out"
    NONE = "none"
    DIFFERENCE = "difference"  # of two amounts that have their signs already


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One event. `key` is the bridge's own name, which never changes; `name` is what FloKit gets.

    `sale` events have the bare transaction id as their key. `needs` are properties without which it must not be sent.
    """

    key: str
    name: str
    money: Flow
    sale: bool
    send: bool
    documented: bool
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PropertySpec:
    """One property: `key` in mappings, `name` at FloKit."""

    key: str
    name: str
    documented: bool


@dataclass(frozen=True, slots=True)
class Taxonomy:
    """Every event and property by the bridge's own name. `sent_names` is properties only, for quick use."""

    events: Mapping[str, EventSpec]
    properties: Mapping[str, PropertySpec]
    sent_names: Mapping[str, str] = field(default_factory=dict)


def read_taxonomy(file: Section) -> Taxonomy:
    """The taxonomy of a file; problems are added to the file's."""
    file.only(("events", "properties"))
    properties = {key: _property(key, section) for key, section in file.section("properties").sections()}
    events = {key: _event(key, section, properties) for key, section in file.section("events").sections()}
    _check_own_properties(file, properties)
    _check_own_events(file, events)
    _check_names_differ(file, properties)
    return Taxonomy(events, properties, {key: spec.name for key, spec in properties.items()})


def _event(key: str, section: Section, properties: Mapping[str, PropertySpec]) -> EventSpec:
    section.only(("name", "money", "sale", "send", "documented", "needs"))
    needs = section.texts("needs")
    for need in needs:
        section.known("needs", need, properties, "property of taxonomy.toml")
    money = _flow(key, section)
    if money is Flow.NONE and (impossible := [need for need in needs if need in MONEY_PROPERTIES]):
        section.problem("needs", f'money is "none", so {", ".join(impossible)} can never be there')
    return EventSpec(
        key=key,
        name=section.text("name"),
        money=money,
        sale=section.flag("sale", default=False),
        send=section.flag("send"),
        documented=section.flag("documented"),
        needs=needs,
    )


def _flow(key: str, section: Section) -> Flow:
    word = section.text("money")
    if not section.known("money", word, list(Flow), "way of money: in, out or none"):
        return Flow.NONE
    if (word == Flow.DIFFERENCE) is not (key == REVENUE_CORRECTED):
        section.problem("money", f'"difference" is for {REVENUE_CORRECTED}, and nothing else is')
    return Flow(word)


def _property(key: str, section: Section) -> PropertySpec:
    section.only(("name", "documented"))
    return PropertySpec(key, section.text("name"), section.flag("documented"))


def _check_own_properties(file: Section, properties: Mapping[str, PropertySpec]) -> None:
    for key in OWN_PROPERTIES:
        if key not in properties:
            file.problem("properties", f"`{key}` is missing; the bridge itself sets it (change its name, not its key)")


def _check_own_events(file: Section, events: Mapping[str, EventSpec]) -> None:
    for key in OWN_EVENTS:
        if key not in events:
            file.problem("events", f"`{key}` is missing; the bridge itself sends it (`send = false` switches it off)")


def _check_names_differ(file: Section, properties: Mapping[str, PropertySpec]) -> None:
    first: dict[str, str] = {}
    for key, spec in properties.items():
        if spec.name and (other := first.setdefault(spec.name, key)) != key:
            file.problem(
                f"properties: {key}", f"is sent as `{spec.name}`, and so is {other}: one would overwrite the other"
            )
