"""Least privilege, proven: with any one of its permissions taken away, a function cannot do its work any more.

Three are left out. Two the emulator does itself, without asking: writing a function's log, and handing it the queue's
messages. AWS names the actions that these take:
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
For the third, reading settings, see `Stack.deploy` and test_template.py.
"""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import pytest

from aws.fixtures import Bridge
from aws.oversize import oversize
from aws.stack import FUNCTIONS
from bridge.aws.messages import pack
from bridge.sources.stripe.receive import notification_of
from bridge.values.records import Environment
from bridge.values.times import DAY_MS, system_clock

Policy = dict[str, Any]
NOT_HERE = {("Queue", "process"), *((sid, function) for sid in ("Log", "Settings") for function in FUNCTIONS)}


@dataclass(frozen=True)
class Role:
    """The role of a function, with its one policy."""

    bridge: Bridge
    function: str

    def policy(self) -> Policy:
        """What it may do."""
        iam = self.bridge.stack.cloud.client("iam")
        found: Policy = iam.get_role_policy(RoleName=self.bridge.stack.role(self.function), PolicyName=self.function)[
            "PolicyDocument"
        ]
        return found

    @contextmanager
    def with_policy(self, policy: Policy, usual: Policy) -> Iterator[None]:
        """Let it do that, and nothing else, until the block ends."""
        self._put(policy)
        try:
            yield
        finally:
            self._put(usual)

    def _put(self, policy: Policy) -> None:
        iam = self.bridge.stack.cloud.client("iam")
        iam.put_role_policy(
            RoleName=self.bridge.stack.role(self.function), PolicyName=self.function, PolicyDocument=json.dumps(policy)
        )
        self.bridge.stack.kill(self.function)
        self.bridge.stack.free_leases()  # of a function that has just been killed, or could not give it back


def without_one(policy: Policy, function: str) -> Iterator[tuple[str, Policy]]:
    """The policy without one permission, for each one: which, and what is left."""
    for place, statement in enumerate(policy["Statement"]):
        if (statement["Sid"], function) in NOT_HERE:
            continue
        for field in ("Action", "Resource"):
            parts = statement[field] if isinstance(statement[field], list) else [statement[field]]
            for part in parts:
                left = deepcopy(policy)
                left["Statement"][place][field] = [one for one in parts if one != part]
                if len(parts) == 1:
                    del left["Statement"][place]
                yield f"{function}: {statement['Sid']} {part}", left


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_misses_nothing_and_has_nothing_to_spare(bridge: Bridge, function: str) -> None:
    role = Role(bridge, function)
    usual = role.policy()
    assert works(bridge, function), "it does not work with all of its permissions"
    for what, poorer in without_one(usual, function):
        with role.with_policy(poorer, usual):
            assert not works(bridge, function), f"it works as well without {what}"


def works(bridge: Bridge, function: str) -> bool:
    """Whether a function does all that it is for."""
    if function == "process":
        return processes(bridge)
    if function == "schedule":
        return looks_after_what_is_kept(bridge)
    webhook = next(life.webhooks[0] for life in bridge.lives() if life.source == function)
    webhooks = [webhook, oversize()] if function == "stripe" else [webhook]
    return [bridge.post(one) for one in webhooks] == [200] * len(webhooks)


def processes(bridge: Bridge) -> bool:
    """Whether a batch of the queue, with a body that lies beside the queue, is kept, mapped and delivered."""
    lives = bridge.lives()
    stored: dict[str, bytes] = {}
    bodies = [*(one.body for life in lives if life.source == "stripe" for one in life.webhooks), oversize().body]
    messages = [pack(notification_of(body, system_clock()), stored.__setitem__) for body in bodies]
    store = bridge.stack.cloud.client("s3")
    for name, body in stored.items():
        store.put_object(Bucket=bridge.stack.output("OversizeBucket"), Key=name, Body=body)
    return bridge.stack.hand_over(messages).is_well


def looks_after_what_is_kept(bridge: Bridge) -> bool:
    """Whether what is kept is mapped and delivered, and in time its bodies are forgotten."""
    long_ago_ms = system_clock() - 100 * DAY_MS
    bodies = [one.body for life in bridge.lives() if life.source == "stripe" for one in life.webhooks]
    with closing(bridge.stack.ledger()) as ledger:
        ledger.keep([replace(notification_of(body, system_clock()), received_at_ms=long_ago_ms) for body in bodies])
        while {ledger.next_due_ms("stripe"), ledger.next_ready_ms(Environment.PRODUCTION)} != {None}:
            if not bridge.stack.tick().is_well:
                return False
    return bridge.stack.keep_house().is_well
