"""The functions behind the queue, from the unpacked zip alone, in AWS's own runtime: see test_zip.py."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
from dynamodb_rig import Dynamo, dynamo, table

from aws.zip_rig import task
from bridge.aws.package.archive import names
from bridge.standins.flokit import PRODUCTION_KEY, SANDBOX_KEY, FlokitStandin
from bridge.standins.lambda_ingest import RUNTIME_COMMAND, running_ingest
from bridge.standins.lambda_runtime import Function, running_function
from bridge.standins.server import running

__all__ = ["dynamo", "table", "task"]


@contextmanager
def function(task: Path, name: str, environment: Mapping[str, str]) -> Iterator[Function]:
    with running_function(RUNTIME_COMMAND, task, f"bridge.aws.{name}_function.handler", environment) as one:
        yield one


@pytest.mark.parametrize("source", ["stripe", "apple", "google"])
def test_a_message_of_the_queue_becomes_an_event_in_flokit(
    source: str, task: Path, tmp_path: Path, dynamo: Dynamo, table: str
) -> None:
    before, flokit = names(task), FlokitStandin()
    with running(flokit.app) as url, running_ingest(source, task, tmp_path) as ingest:
        environment = {
            **dynamo.environment,
            **ingest.settings,
            "BRIDGE_LEDGER": f"dynamodb://{table}",
            "OVERSIZE_BUCKET": "none-here",
            "FLOKIT_API_URL": url,
            "FLOKIT_API_KEY": PRODUCTION_KEY,
            "FLOKIT_SANDBOX_API_KEY": SANDBOX_KEY,
        }
        for place in range(2):
            assert ingest.function(ingest.webhook(place))["statusCode"] == 200
        records = [{"messageId": str(place), "body": body} for place, body in enumerate(ingest.queue.messages)]
        with function(task, "process", environment) as process:
            assert process({"Records": records}) == {"batchItemFailures": []}
            assert process({"Records": [{"messageId": "odd", "body": "odd"}]}) == {
                "batchItemFailures": [{"itemIdentifier": "odd"}]
            }
        with function(task, "schedule", environment) as schedule:
            assert schedule({"work": "minute"}) is None
            assert schedule({"work": "hour"}) is None
        assert {event.document["properties"]["store"] for event in flokit.stored} == {source}
    assert names(task) == before
