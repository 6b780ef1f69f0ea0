"""The settings: what is read, and that every problem is told at once without a secret in it."""

from pathlib import Path

import pytest

from bridge.environment import Secret
from bridge.errors import SettingsError
from bridge.settings import FLOKIT_API_URL, LEDGER_URL, Settings, read_settings

WHSEC = "whsec_0123456789abcdef0123456789abcdef"
FULL = {
    "FLOKIT_API_KEY": "fk_live_key",
    "FLOKIT_API_URL": "https://events.example.com/",
    "FLOKIT_SANDBOX_API_KEY": "fk_test_key",
    "FLOKIT_REQUESTS_PER_MINUTE": "50",
    "STRIPE_WEBHOOK_SECRETS": f"{WHSEC}, {WHSEC}2 ,",
    "STRIPE_API_KEY": "rk_live_0123456789",
    "BRIDGE_LEDGER": "sqlite:////var/lib/bridge.sqlite",
    "BRIDGE_TOKEN": "0123456789abcdef0123",
}


def problems(**env: str) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(env)
    return list(caught.value.problems)


def test_nothing_set_is_no_problem() -> None:
    settings = read_settings({"PATH": "/bin", "STRIPE_ACCOUNT": "acct_1", "GOOGLE_CLOUD_PROJECT": "p"})
    assert (settings.ledger_url, settings.flokit.api_url) == (LEDGER_URL, FLOKIT_API_URL)
    assert settings.flokit.requests_per_minute == 90
    assert settings.stripe is None
    assert settings.missing()["stripe"] == ("STRIPE_WEBHOOK_SECRETS",)


def test_everything_set(tmp_path: Path) -> None:
    settings = read_settings({**FULL, "BRIDGE_MAPPINGS": str(tmp_path)})
    assert settings.stripe is not None
    assert [secret.reveal() for secret in settings.stripe.webhook_secrets] == [WHSEC, f"{WHSEC}2"]
    assert settings.stripe.api_key == Secret("rk_live_0123456789")
    assert settings.flokit.api_url == "https://events.example.com"
    assert settings.flokit.requests_per_minute == 50
    assert settings.mappings == tmp_path
    assert "stripe" not in settings.missing()


def test_no_secret_shows_in_a_repr() -> None:
    shown = repr(read_settings(FULL))
    for name in ("FLOKIT_API_KEY", "FLOKIT_SANDBOX_API_KEY", "STRIPE_API_KEY", "BRIDGE_TOKEN"):
        assert FULL[name] not in shown
    assert WHSEC not in shown
    assert str(Secret("x")) == "Secret(…)"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STRIPE_WEBHOOK_SECRETS", "sk_live_hush_0123456789", "'sk_live_…' looks like an API key"),
        ("STRIPE_WEBHOOK_SECRETS", f"{WHSEC},hush", "no signing secret"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_hush", "too short"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_hush 0123456789abcdef", "no signing secret"),
        ("STRIPE_API_KEY", "whsec_hush", "belongs in STRIPE_WEBHOOK_SECRETS"),
        ("STRIPE_API_KEY", "hush", "begins with rk_live_"),
        ("FLOKIT_API_KEY", "hush hush", "blank"),
        ("FLOKIT_API_KEY", "hüsh", "unusual"),
        ("FLOKIT_API_URL", "ftp://hush.example.com", "expected a URL"),
        ("FLOKIT_API_URL", "https://hush:pass@example.com", "expected a URL"),
        ("FLOKIT_API_URL", "https://[hush", "expected a URL"),
        ("FLOKIT_API_URL", "http://hush.example.com", "use https"),
        ("FLOKIT_REQUESTS_PER_MINUTE", "0", "whole number"),
        ("FLOKIT_REQUESTS_PER_MINUTE", "1.5", "whole number"),
        ("FLOKIT_REQUESTS_PER_MINUTE", "9" * 5_000, "whole number"),
        ("BRIDGE_KEEP_BODIES_DAYS", "-1", "at least 0"),
        ("BRIDGE_LEDGER", "postgres://hush", "sqlite:///"),
        ("BRIDGE_LEDGER", "sqlite:///", "sqlite:///"),
        ("BRIDGE_LEDGER", "dynamodb://a table", "dynamodb://table?region="),
        ("BRIDGE_LEDGER", "dynamodb://table?regoin=x", "dynamodb://table?region="),
        ("BRIDGE_MAPPINGS", "/there/is/none", "no folder"),
        ("BRIDGE_TOKEN", "hush", "shorter than 16"),
        ("BRIDGE_LEGDER", "x", "did you mean BRIDGE_LEDGER"),
        ("STRIPE_WEBHOOK_SECRET", WHSEC, "did you mean STRIPE_WEBHOOK_SECRETS"),
        ("FLOKIT_SOMETHING", "x", "there are"),
    ],
)
def test_each_problem_names_its_setting_and_what_to_do(name: str, value: str, said: str) -> None:
    (problem,) = problems(**{name: value})
    assert problem.startswith(f"{name}: ")
    assert said in problem
    assert "hush" not in problem
    assert len(problem) < 700


def test_a_near_name_is_left_alone_when_the_right_one_is_set_too() -> None:
    env = {"STRIPE_WEBHOOK_SECRET": "of another program", "STRIPE_WEBHOOK_SECRETS": WHSEC}
    assert isinstance(read_settings(env), Settings)


def test_test_money_may_not_get_the_production_key() -> None:
    (problem,) = problems(FLOKIT_API_KEY="same", FLOKIT_SANDBOX_API_KEY="same")
    assert problem.startswith("FLOKIT_SANDBOX_API_KEY")


def test_all_problems_come_at_once() -> None:
    found = problems(
        STRIPE_WEBHOOK_SECRETS="x", FLOKIT_API_URL="x", BRIDGE_LEDGER="x", BRIDGE_TOKEN="x", FLOKIT_KEY="x"
    )
    assert len(found) == 5


def test_http_is_for_this_machine() -> None:
    assert read_settings({"FLOKIT_API_URL": "http://127.0.0.1:8080"}).flokit.api_url == "http://127.0.0.1:8080"
