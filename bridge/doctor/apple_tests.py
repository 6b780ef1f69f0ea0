"""Apple's test notification: asked for, and followed until Apple says what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic, sleep

from bridge.doctor.checks import Check, State, unanswered
from bridge.errors import NotAllowed, NotYet
from bridge.sources.apple.api import AppleApi
from bridge.values.records import Environment

WHERE = "App Store Connect, the app, App Information, App Store Server Notifications"
_RESULTS: Mapping[str, str] = {
    "UNSUCCESSFUL_HTTP_RESPONSE_CODE": "Is it the bridge's /webhooks/apple, is it up, is the app in APPLE_APPS?",
    "TLS_ISSUE": "The URL needs TLS 1.2 or later and a public certificate.",
    "TIMED_OUT": "The bridge, or what stands before it, did not answer in time.",
    "OTHER": "Apple writes this now and then without a cause: ask once more.",
}
"""What to do about https://developer.apple.com/documentation/appstoreserverapi/sendattemptresult"""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often Apple is asked what came of it, and how long it has in all."""

    pause_s: float = 2.0
    wait_s: float = 45.0  # Apple sends within a second or two as a rule, and within half a minute on a bad day


PATIENCE = Patience()


@dataclass(frozen=True, slots=True)
class _Test:
    """A notification that Apple said it will send."""

    name: str
    bundle_id: str
    environment: Environment
    token: str


def checks(api: AppleApi, bundle_ids: Iterable[str], patience: Patience) -> Iterable[Check]:
    """Ask for one for each app and environment, all before the wait for any begins."""
    asked: list[_Test] = []
    for bundle_id in bundle_ids:
        for environment in (Environment.PRODUCTION, Environment.SANDBOX):
            found = _asked(api, environment, bundle_id)
            if isinstance(found, Check):
                yield found
            else:
                asked.append(found)
    until_s = monotonic() + patience.wait_s
    for test in asked:
        yield _outcome(api, test, until_s, patience.pause_s)


def _asked(api: AppleApi, environment: Environment, bundle_id: str) -> Check | _Test:
    name = f"Apple test notification ({bundle_id}, {environment})"
    try:
        token = api.request_test(environment, bundle_id)
    except NotAllowed:
        return Check(name, State.SKIPPED, "not sent: Apple does not take the key there")
    except NotYet as error:
        return unanswered(name, error)
    if token:
        return _Test(name, bundle_id, environment, token)
    return Check(name, State.MISSING, "Apple has no URL to send it to", f"Enter the bridge's URL: {WHERE}.")


def _outcome(api: AppleApi, test: _Test, until_s: float, pause_s: float) -> Check:
    try:
        while not (results := api.test_results(test.environment, test.bundle_id, test.token)):
            if monotonic() > until_s:
                return Check(test.name, State.WAITING, "Apple has not said yet what came of it", "See `bridge status`.")
            sleep(pause_s)
    except NotYet as error:
        return unanswered(test.name, error)
    return _judged(test.name, results[-1])


def _judged(name: str, result: str) -> Check:
    if result == "SUCCESS":
        return Check(name, State.OK, "Apple sent it and the bridge took it")
    word = result if result.isidentifier() and result.isascii() and len(result) < 60 else "for an unknown reason"
    do = _RESULTS.get(result, "Is the URL right, and open to the internet?")
    return Check(name, State.WRONG, f"Apple could not deliver it: {word}", f"{do} ({WHERE})")
