"""The generations of Stripe's API versions, as far as their webhooks look different.

An event is rendered once, in the version of its endpoint. Version 2025-03-31.basil moved most of what the bridge reads.
Additions leak back into older versions and removals do not, so an endpoint pinned to an older version gets the old
fields and the new ones side by side since basil came out.
Source: Stripe's API changelog, https://docs.stripe.com/changelog
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Generation:
    """One look of the objects: `old_fields` are those that basil took away, `new_fields` what it put in their place."""

    version: str
    old_fields: bool
    new_fields: bool

    def since(self, date: str) -> bool:
        """Whether the version is of this date (`2022-11-15`) or later."""
        return self.version[:10] >= date


V2019 = Generation("2019-05-16", old_fields=True, new_fields=False)
V2020 = Generation("2020-08-27", old_fields=True, new_fields=False)
V2022 = Generation("2022-11-15", old_fields=True, new_fields=False)
ACACIA = Generation("2024-09-30.acacia", old_fields=True, new_fields=False)
HYBRID = Generation("2023-10-16", old_fields=True, new_fields=True)
BASIL = Generation("2025-03-31.basil", old_fields=False, new_fields=True)
CLOVER = Generation("2025-09-30.clover", old_fields=False, new_fields=True)
DAHLIA = Generation("2026-03-25.dahlia", old_fields=False, new_fields=True)
ENDIVE = Generation("2026-09-30.endive", old_fields=False, new_fields=True)

GENERATIONS = (V2019, V2020, V2022, HYBRID, ACACIA, BASIL, CLOVER, DAHLIA, ENDIVE)
"""From the oldest version to the newest."""
