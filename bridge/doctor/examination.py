"""All checks of what is configured."""

from collections.abc import Iterable, Iterator
from functools import partial

from bridge.doctor import apple, clock, flokit, google, ledger, mappings, stripe
from bridge.doctor.checks import Check, Job, State, run
from bridge.settings import NEEDED, Settings
from bridge.values.times import Clock, system_clock

WITHIN_S = 60.0
WITH_TEST_NOTIFICATION_S = 120.0


def examine(
    settings: Settings, *, send_test_event: bool, apple_test_notification: bool, now: Clock = system_clock
) -> list[Check]:
    """Try everything, several things at once. Only with `send_test_event` and `apple_test_notification` is anything
    sent or asked for that leaves a trace."""
    jobs = [
        *_own(settings, now),
        *_flokit(settings, now, send_test_event=send_test_event),
        *_stripe(settings),
        *_apple(settings, now, ask_for_test=apple_test_notification),
        *_google(settings, now),
        Job("sources", partial(_not_configured, settings)),
    ]
    return run(jobs, WITH_TEST_NOTIFICATION_S if apple_test_notification else WITHIN_S)


def _own(settings: Settings, now: Clock) -> Iterator[Job]:
    yield Job("ledger", partial(ledger.checks, settings.ledger_url))
    yield Job("mappings", partial(mappings.checks, settings))
    yield Job("clock", partial(clock.checks, _who_tells_the_time(settings), now))


def _who_tells_the_time(settings: Settings) -> list[str]:
    """Only whom the bridge calls anyway."""
    urls = [settings.flokit.api_url] if settings.flokit.api_key else []
    if settings.stripe and settings.stripe.api_key:
        urls.append(settings.stripe.api_url)
    if settings.google:
        urls.append(settings.google.certs_url)
    return urls


def _flokit(settings: Settings, now: Clock, *, send_test_event: bool) -> Iterator[Job]:
    sources = [source for source in NEEDED if source not in settings.missing()]
    for key in (
        flokit.Key("FLOKIT_API_KEY", settings.flokit.api_key, sources),
        flokit.Key("FLOKIT_SANDBOX_API_KEY", settings.flokit.sandbox_api_key),
    ):
        yield Job(
            key.setting,
            partial(flokit.checks, settings.flokit, key, now, send_test_event=send_test_event),
        )


def _stripe(settings: Settings) -> Iterator[Job]:
    if settings.stripe:
        yield Job("STRIPE_WEBHOOK_SECRETS", partial(stripe.secret_checks, settings.stripe))
        yield Job(stripe.KEY, partial(stripe.key_checks, settings.stripe))


def _apple(settings: Settings, now: Clock, *, ask_for_test: bool) -> Iterator[Job]:
    if settings.apple:
        yield Job("Apple root certificates", partial(apple.root_checks, settings.apple, now()))
        yield Job("APPLE_APPS", partial(apple.app_checks, settings.apple))
        yield Job(apple.KEY, partial(apple.api_checks, settings.apple, now, ask_for_test=ask_for_test))


def _google(settings: Settings, now: Clock) -> Iterator[Job]:
    if settings.google:
        yield Job("Google push", partial(google.push_checks, settings.google))
        yield Job("Google certificates", partial(google.certificate_checks, settings.google, now()))
        yield Job(google.CREDENTIALS, partial(google.api_checks, settings.google, now))


def _not_configured(settings: Settings) -> Iterable[Check]:
    missing = settings.missing()
    for source, names in missing.items():
        state = State.MISSING if len(missing) == len(NEEDED) else State.SKIPPED
        yield Check(source, state, "not configured, its URL answers 404", f"To use it set {', '.join(names)}.")
