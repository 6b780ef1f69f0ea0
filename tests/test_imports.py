"""The import direction that bridge/__init__.py draws, held by reading every import statement."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BASE = ("bridge.values", "bridge.errors")
WEB = ("starlette", "uvicorn", "httpx", "bridge.http", "bridge.webhook", "bridge.answers")

AWS_CLIENT = (
    "bridge.aws.client", "bridge.aws.connection", "bridge.aws.credentials", "bridge.aws.errors", "bridge.aws.objects",
    "bridge.aws.settings_store", "bridge.aws.signature",
)  # fmt: skip
"""How AWS is called. The rest of bridge.aws is an edge."""

ALLOWED = {
    "bridge.values": BASE,
    "bridge.mapping": (*BASE, "bridge.mapping"),
    "bridge.sources": (*BASE, "bridge.sources", "bridge.mapping.vocabulary"),
    **dict.fromkeys(AWS_CLIENT, (*BASE, "bridge.environment", *AWS_CLIENT)),
    "bridge.ledger": (*BASE, "bridge.ledger", *AWS_CLIENT),
    # The `from bridge import __version__` of the User-Agent is the bare package.
    "bridge.delivery": (*BASE, "bridge.delivery", "bridge.ledger.base", "bridge.log", "bridge"),
    "bridge.pipeline": (
        *BASE, "bridge.mapping", "bridge.sources.base", "bridge.ledger.base", "bridge.log", "bridge.memory",
        "bridge.people", "bridge.corrections",
    ),
    "bridge.corrections": (
        *BASE, "bridge.mapping", "bridge.ledger.base", "bridge.ledger.views", "bridge.memory", "bridge.correcting",
        "bridge.statements",
    ),
}  # fmt: skip
"""What each layer may import of the bridge itself: these modules, and those below them (but not below `bridge`)."""

INGEST = ("bridge.http", "bridge.ledger.sqlite", "bridge.sources.stripe.receive", "bridge.sources.apple.receive")
"""All that a process needs which only takes webhooks in and keeps them."""

AWS_INGEST = ("bridge.aws.ingest_function",)
"""All that a function on AWS needs which proves webhooks and puts them into the queue."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the bridge by its name."""
    return {_name(file): file for file in (ROOT / "bridge").rglob("*.py")}


def _name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def imports(module: str) -> frozenset[str]:
    """Everything that a module imports, also within functions. `from a import b` is `a.b` where that is a module."""
    tree = ast.parse(modules()[module].read_text())
    return frozenset(name for node in ast.walk(tree) for name in _imported(node))


def _imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.module, "relative imports have no place here"
        for alias in node.names:
            below = f"{node.module}.{alias.name}"
            yield below if below in modules() else node.module


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(name == prefix or (prefix != "bridge" and name.startswith(f"{prefix}.")) for prefix in prefixes)


def members(layer: str) -> list[str]:
    found = [module for module in modules() if within(module, (layer,))]
    assert found, layer
    return found


@pytest.mark.parametrize("layer", ALLOWED)
def test_a_layer_imports_what_is_below_it(layer: str) -> None:
    for module in members(layer):
        own = [name for name in imports(module) if name.partition(".")[0] == "bridge"]
        assert not [name for name in own if not within(name, ALLOWED[layer])], module


def test_sources_do_not_know_each_other() -> None:
    for source in ("stripe", "apple", "google"):
        others = tuple(f"bridge.sources.{other}" for other in ("stripe", "apple", "google") if other != source)
        for module in members(f"bridge.sources.{source}"):
            assert not [name for name in imports(module) if within(name, others)], module


def test_only_the_vocabulary_of_a_source_knows_a_word_of_the_mapping() -> None:
    for module in members("bridge.sources"):
        if not module.endswith(".vocabulary"):
            assert not [name for name in imports(module) if within(name, ("bridge.mapping",))], module


@pytest.mark.parametrize("layer", ["bridge.values", "bridge.mapping", "bridge.ledger", "bridge.pipeline"])
def test_the_core_knows_nothing_of_http(layer: str) -> None:
    for module in members(layer):
        assert not [name for name in imports(module) if within(name, WEB)], module


def test_only_the_dynamodb_ledger_knows_of_aws() -> None:
    for module in members("bridge.ledger"):
        if not module.startswith("bridge.ledger.dynamodb"):
            assert not [name for name in imports(module) if within(name, ("bridge.aws",))], module


def test_nobody_below_the_edges_imports_an_edge() -> None:
    edges = (
        "bridge.commands", "bridge.http", "bridge.webhook", "bridge.serve", "bridge.process", "bridge.worker",
        "bridge.demo", "bridge.doctor", "bridge.simulate", "bridge.standins", "bridge.stories",
    )  # fmt: skip
    for layer in ALLOWED:
        for module in members(layer):
            assert not [name for name in imports(module) if within(name, edges)], module


def reached_from(*first: str) -> set[str]:
    """The bridge's modules that these import, and those that these import, and so on."""
    reached: set[str] = set()
    ahead = list(first)
    while ahead:
        module = ahead.pop()
        if module not in reached and module in modules():
            reached.add(module)
            ahead.extend(imports(module))
    return reached


NOT_FOR_INGEST = ("bridge.mapping", "bridge.delivery", "bridge.pipeline", "bridge.stories", "httpx", "requests")


def test_taking_webhooks_in_needs_neither_mapping_nor_an_http_client() -> None:
    reached = reached_from(*INGEST)
    for module in reached:
        assert not [name for name in imports(module) if within(name, NOT_FOR_INGEST)], module
    assert "bridge.keeper" in reached


def test_taking_webhooks_in_on_aws_needs_no_ledger_and_no_web_server_either() -> None:
    reached = reached_from(*AWS_INGEST)
    unwanted = (*NOT_FOR_INGEST, "bridge.ledger", "bridge.http", "uvicorn", "boto3", "botocore")
    for module in reached:
        assert not [name for name in imports(module) if within(name, unwanted)], module
    assert "bridge.aws.client" in reached
