"""Google Play: certificates for pushes, what a push must say, credentials, and the rights in each app."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from bridge.doctor.checks import Check, State, unanswered
from bridge.errors import CannotTell, NotAllowed, NotYet, SettingsError
from bridge.settings_google import GoogleSettings
from bridge.sources.google.api import PlayApi
from bridge.sources.google.certificates import CertificateCache
from bridge.sources.google.credentials import AccessToken, load_credentials
from bridge.values.times import Clock

CREDENTIALS = "GOOGLE_APPLICATION_CREDENTIALS"
ENABLE = "Cloud Console, APIs & Services, Library, Google Play Android Developer API: Enable."
SERVICE_ACCOUNTS = ".gserviceaccount.com"


def certificate_checks(google: GoogleSettings, now_ms: int) -> Iterable[Check]:
    """Fetch the certificates that pushes are proven with."""
    cache = CertificateCache(google.certs_url)
    cache.fetch(now_ms)
    try:
        cache.verifier("", now_ms)
    except CannotTell as error:
        do = "Let this machine call www.googleapis.com; until then pushes are answered 503."
        yield Check("Google certificates", State.WRONG, error.message, do)
        return
    yield Check("Google certificates", State.OK, "fetched, and pushes can be proven with them")


def push_checks(google: GoogleSettings) -> Iterable[Check]:
    """What the subscription's token must say; only a push shows whether Google says the same."""
    if not google.push_account.endswith(SERVICE_ACCOUNTS):
        yield Check(
            "GOOGLE_PUSH_ACCOUNT",
            State.WRONG,
            "this is no service account, and pushes are signed for one",
            "Take its e-mail from Cloud Console, Pub/Sub, Subscriptions, the subscription, Service account.",
        )
        return
    says = f"audience {google.push_audience}, account {google.push_account}"
    do = "Compare both with the subscription (Cloud Console, Pub/Sub, Subscriptions), letter by letter."
    yield Check("Google push", State.OK, says, do)


def api_checks(google: GoogleSettings, clock: Clock) -> Iterable[Check]:
    """Load the credentials, fetch a token, read from each app."""
    if google.credentials is None:
        yield Check(
            CREDENTIALS,
            State.MISSING,
            "not set: notifications are kept and wait, for Google's amounts are only in its API",
            "Make a service account and its JSON key (docs/google.md, step 3), and name the file.",
        )
        return
    try:
        yield from _with_credentials(google, google.credentials, clock)
    except SettingsError as error:
        yield Check(CREDENTIALS, State.WRONG, " ".join(error.problems), "Name the right file (docs/google.md, step 3).")


def _with_credentials(google: GoogleSettings, file: Path, clock: Clock) -> Iterable[Check]:
    credentials = load_credentials(file)
    account = str(getattr(credentials, "service_account_email", None) or "the service account")
    token = AccessToken(credentials, clock)
    try:
        token.get()
    except NotYet as error:
        token.close()
        do = "Make a new key: Cloud Console, IAM & Admin, Service accounts, Keys."
        yield Check(CREDENTIALS, State.WRONG, f"waiting for {error.reason}", do)
        return
    yield Check(CREDENTIALS, State.OK, f"Google gives {account} a token")
    api = PlayApi(token, url=google.play_url, clock=clock)
    try:
        yield from _rights(api, google.packages, account)
    finally:
        api.close()


def _rights(api: PlayApi, packages: Sequence[str], account: str) -> Iterable[Check]:
    for package in packages:
        name = f"Google Play ({package})"
        try:
            known = api.knows(package)
        except NotAllowed as error:
            yield unanswered(name, error, ENABLE)
        except NotYet as error:
            yield unanswered(name, error, _invite(account))
        else:
            yield _of_app(name, known)


def _of_app(name: str, known: bool) -> Check:
    if known:
        return Check(name, State.OK, "orders and refunds may be read")
    return Check(name, State.WRONG, "Google knows no such app", "Compare GOOGLE_PACKAGES with Play Console.")


def _invite(account: str) -> str:
    return (
        f"If that was longer ago: Play Console, Users and permissions, {account} needs 'View app information' "
        "and 'View financial data, orders, and cancellation survey responses' for this app."
    )
