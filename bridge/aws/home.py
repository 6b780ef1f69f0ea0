"""What stands behind the queue, put together from the environment of a function: ledger, mapping, delivery."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import httpx

from bridge.aws.client import service_client
from bridge.aws.leased import LeasedPipeline
from bridge.aws.parameters import settings_of
from bridge.aws.settings_store import get_parameters
from bridge.aws.shift import Delivery, Shift
from bridge.delivery.deliverer import Deliverer
from bridge.delivery.flokit import FlokitClient
from bridge.environment import Secret
from bridge.interpreters import pipelines
from bridge.ledger.dynamodb import DynamoLedger, open_ledger
from bridge.ledger.dynamodb_budget import DynamoBudget
from bridge.ledger.dynamodb_lease import Lease
from bridge.log import LineLog, Log, to_stderr
from bridge.pipeline import Pipeline
from bridge.settings import KNOWN, Settings
from bridge.values.records import Environment
from bridge.values.times import Clock, system_clock
from bridge.worker import Maps

TIMEOUTS = httpx.Timeout(connect=5, read=10, write=10, pool=5)  # within the time that a shift keeps back for a step
LEASE_MS = 100_000  # longer than any function may take: 60 and 90 s, see serverless.yml
NOT_IN_THE_STORE = {"BRIDGE_LEDGER", "BRIDGE_MAPPINGS", "BRIDGE_TOKEN"}


@dataclass(frozen=True, slots=True)
class Home:
    """What a function behind the queue works with."""

    settings: Settings
    ledger: DynamoLedger
    shift: Shift
    log: Log
    clock: Clock


def make_home(environment: Mapping[str, str]) -> Home:
    """All of it. Raises SettingsError with every problem at once, AwsError when the settings cannot be read."""
    names = sorted(KNOWN - NOT_IN_THE_STORE)
    settings = settings_of(environment, names, partial(get_parameters, service_client("ssm", environment)))
    log, clock = LineLog(to_stderr), system_clock
    ledger = open_ledger(settings.ledger_url, environment)
    ledger.warm_up()
    mapping = [_leased(one, ledger, clock) for one in pipelines(settings)(ledger, clock, log)]
    return Home(settings, ledger, Shift(mapping, _deliveries(settings, ledger, log, clock), log), log, clock)


def _leased(maps: Maps, ledger: DynamoLedger, clock: Clock) -> Maps:
    """What maps, by one function at a time for each source."""
    if not isinstance(maps, Pipeline):
        return maps
    lease = Lease(ledger.table, f"map-{maps.name}", clock, lasts_ms=LEASE_MS)
    return LeasedPipeline(maps, lease.take, clock)


def _deliveries(settings: Settings, ledger: DynamoLedger, log: Log, clock: Clock) -> Sequence[Delivery]:
    keys = {
        Environment.PRODUCTION: settings.flokit.api_key,
        Environment.SANDBOX: settings.flokit.sandbox_api_key,
    }
    return [_delivery(settings, ledger, log, clock, environment, key) for environment, key in keys.items() if key]


def _delivery(  # noqa: PLR0913, PLR0917 - what one delivery consists of
    settings: Settings, ledger: DynamoLedger, log: Log, clock: Clock, environment: Environment, key: Secret
) -> Delivery:
    flokit = settings.flokit
    deliverer = Deliverer(
        ledger,
        FlokitClient(flokit.api_url, key.reveal(), clock=clock, timeouts=TIMEOUTS),
        environment=environment,
        clock=clock,
        budget=DynamoBudget(ledger.table, environment, flokit.requests_per_minute, clock),
        requests_per_minute=flokit.requests_per_minute,
        log=log,
    )
    lease = Lease(ledger.table, f"deliver-{environment}", clock, lasts_ms=LEASE_MS)
    return Delivery(deliverer, lease.take, lambda: bool(ledger.ready(environment, clock(), 1)))
