"""What takes the webhooks of one source in, put together from the environment of a function."""

from collections.abc import Callable, Mapping
from functools import partial

from bridge.aws.client import service_client
from bridge.aws.gateway import HttpAnswer, HttpEvent
from bridge.aws.ingest import Ingest, not_configured
from bridge.aws.messages import StoreObject
from bridge.aws.parameters import INGEST, settings_of
from bridge.aws.queue import Queue, no_store
from bridge.aws.settings_store import get_parameters
from bridge.log import LineLog, to_stderr
from bridge.receivers import RECEIVERS
from bridge.values.times import system_clock


def make_handler(environment: Mapping[str, str]) -> Callable[[HttpEvent, object], HttpAnswer]:
    """The function of the source that the environment names.

    Raises SettingsError when its settings are not right, AwsError when they cannot be read.
    """
    source = environment["SOURCE"]
    settings = settings_of(environment, INGEST[source], partial(get_parameters, service_client("ssm", environment)))
    receiver = RECEIVERS[source](settings)
    if receiver is None:
        return not_configured(settings.missing()[source])
    log = LineLog(to_stderr)
    sqs = service_client("sqs", environment)
    sqs.warm_up()
    return Ingest(receiver, Queue(sqs, environment["QUEUE_URL"], _store(environment), log).keep, log, system_clock)


def _store(environment: Mapping[str, str]) -> StoreObject:
    bucket = environment.get("OVERSIZE_BUCKET")
    if not bucket:
        return no_store
    from bridge.aws.objects import ObjectStore  # noqa: PLC0415 - where it cannot be needed, nothing is spent on it

    return ObjectStore.open(bucket, environment).put
