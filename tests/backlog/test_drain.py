"""A backlog drains at the rate that FloKit allows, with flat memory and webhooks answered: the short form."""

from pathlib import Path

from backlog.drain import drain


def test_a_backlog_drains_at_the_allowed_rate_while_webhooks_come_in(tmp_path: Path) -> None:
    figures = drain(tmp_path, 20_000, requests_per_minute=10, give_up_after_s=60)
    assert figures.faults() == []
