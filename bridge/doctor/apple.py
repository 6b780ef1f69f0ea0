"""The App Store: root certificates, app ids, the API key, and a test notification when asked for."""

from collections.abc import Iterable, Mapping

from cryptography import x509

from bridge.doctor import apple_tests
from bridge.doctor.apple_tests import PATIENCE, Patience
from bridge.doctor.checks import Check, State, unanswered
from bridge.errors import NotAllowed, NotYet, SettingsError
from bridge.settings_apple import AppleSettings
from bridge.sources.apple.api import URLS, AppleApi
from bridge.sources.apple.roots import trusted_roots
from bridge.values.records import Environment
from bridge.values.times import EPOCH, SECOND_MS, Clock

KEY = "APPLE_PRIVATE_KEY"
KEY_WHERE = "App Store Connect, Users and Access, Integrations, In-App Purchase"
NOBODYS_TRANSACTION = "2000000000000000"  # of the right form; what counts is whether Apple takes the key


def root_checks(apple: AppleSettings, now_ms: int) -> Iterable[Check]:
    """Load the trusted roots and look at their ends."""
    name = "Apple root certificates"
    try:
        roots = [x509.load_der_x509_certificate(root) for root in trusted_roots(apple.root_certificates)]
    except SettingsError as error:
        yield Check(
            name, State.WRONG, " ".join(error.problems), "Name readable files, or unset APPLE_ROOT_CERTIFICATES."
        )
        return
    ended = [root for root in roots if (root.not_valid_after_utc - EPOCH).total_seconds() * SECOND_MS < now_ms]
    ends = f"valid until {', '.join(f'{root.not_valid_after_utc:%Y-%m-%d}' for root in roots)}"
    if ended:
        yield Check(name, State.WRONG, ends, "Put newer ones into APPLE_ROOT_CERTIFICATES.")
    else:
        yield Check(name, State.OK, ends)


def app_checks(apple: AppleSettings) -> Iterable[Check]:
    """Production needs each app's Apple ID."""
    for bundle_id, app_apple_id in apple.apps.items():
        name = f"APPLE_APPS ({bundle_id})"
        if app_apple_id is None:
            yield Check(
                name,
                State.MISSING,
                "without the app's Apple ID its Production notifications are refused",
                f"Write {bundle_id}:<Apple ID> (App Store Connect, the app, App Information, Apple ID).",
            )
        else:
            yield Check(name, State.OK, f"Apple ID {app_apple_id}")


def api_checks(
    apple: AppleSettings,
    clock: Clock,
    *,
    ask_for_test: bool,
    urls: Mapping[str, str] = URLS,
    patience: Patience = PATIENCE,
) -> Iterable[Check]:
    """Ask both environments something with the key for each app; with `ask_for_test` also for test notifications."""
    key = apple.api_key
    if key is None:
        yield Check(KEY, State.SKIPPED, "not set; it is needed only for what began before the bridge (docs/apple.md)")
        return
    try:
        api = AppleApi(key.issuer_id, key.key_id, key.private_key.reveal(), urls=urls, clock=clock)
    except SettingsError as error:
        yield Check(KEY, State.WRONG, " ".join(error.problems), f"Download a key ({KEY_WHERE}): that works once.")
        return
    try:
        yield from (_accepted(api, bundle_id) for bundle_id in apple.apps)
        if ask_for_test:
            yield from apple_tests.checks(api, apple.apps, patience)
    finally:
        api.close()


def _accepted(api: AppleApi, bundle_id: str) -> Check:
    name = f"{KEY} ({bundle_id})"
    sandbox = _refusal(api, Environment.SANDBOX, bundle_id)
    production = _refusal(api, Environment.PRODUCTION, bundle_id)
    if sandbox is None and isinstance(production, NotAllowed):
        # https://github.com/apple/app-store-server-library-python/issues/51
        says, do = "Apple takes it in Sandbox, not in Production", "Production takes it once the app is released."
        return Check(name, State.WAITING, says, do)
    refusal = sandbox or production
    if refusal is None:
        return Check(name, State.OK, "Apple takes it in Production and Sandbox")
    do = f"Compare issuer, key id and .p8 file ({KEY_WHERE}), the bundle id, and this machine's clock."
    return unanswered(name, refusal, do if isinstance(refusal, NotAllowed) else "")


def _refusal(api: AppleApi, environment: Environment, bundle_id: str) -> NotYet | None:
    """Apple knows no such transaction, and says so only to a key that it takes."""
    try:
        api.history(environment, bundle_id, NOBODYS_TRANSACTION)
    except NotYet as error:
        return error
    return None
