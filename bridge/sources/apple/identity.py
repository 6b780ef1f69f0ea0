"""Whom a proven payload is about: the app and the environment, compared as Apple's library compares them.

A payload signed by Apple for somebody else's app is genuine too, so these checks are part of the proof.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bridge.errors import Forged
from bridge.values.records import Environment

# https://developer.apple.com/documentation/appstoreserverapi/environment also knows Xcode and LocalTesting: those
# payloads are signed on a developer's machine and are refused.
ENVIRONMENTS = {"Production": Environment.PRODUCTION, "Sandbox": Environment.SANDBOX}
PARTS = ("data", "summary", "externalPurchaseToken", "appData")  # one of them, in the library's order of preference


@dataclass(frozen=True, slots=True)
class Identity:
    """One of our apps in one environment. `app_apple_id` is the id in App Store Connect, None when not configured."""

    bundle_id: str
    app_apple_id: int | None
    environment: Environment


def identify(notification: Mapping[str, Any], apps: Mapping[str, int | None]) -> Identity:
    """Whom a proven notification is about. `apps` maps bundle ids to app ids.

    Raises Forged for an app that is not ours or an environment that is not Apple's.
    """
    part_name, part = _part(notification)
    bundle_id = part.get("bundleId")
    if not isinstance(bundle_id, str) or bundle_id not in apps:
        raise Forged(
            "Apple signed this for an app that is not in APPLE_APPS. Is the bundle id there, exactly as in App Store "
            "Connect?",
            code="other_app",
        )
    identity = Identity(bundle_id, apps[bundle_id], _environment(_environment_name(part_name, part)))
    _check_app_apple_id(part, identity)
    return identity


def check_transaction(transaction: Mapping[str, Any], identity: Identity) -> None:
    """Raise Forged unless a proven signedTransactionInfo is about the same app and environment."""
    _check_bundle_id(transaction, identity)
    _check_environment(transaction.get("environment"), identity)


def check_renewal(renewal: Mapping[str, Any], identity: Identity) -> None:
    """Raise Forged unless a proven signedRenewalInfo is of the same environment (it names no app)."""
    _check_environment(renewal.get("environment"), identity)


def check_app_transaction(app_transaction: Mapping[str, Any], identity: Identity) -> None:
    """Raise Forged unless a proven signedAppTransactionInfo is about the same app and environment."""
    _check_bundle_id(app_transaction, identity)
    _check_app_apple_id(app_transaction, identity)
    _check_environment(app_transaction.get("receiptType"), identity)


def _part(notification: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    name = next((name for name in PARTS if notification.get(name) is not None), "")
    part = notification.get(name)
    return name, part if isinstance(part, dict) else {}


def _environment_name(part_name: str, part: Mapping[str, Any]) -> object:
    """An external purchase token says it by its prefix:
    https://developer.apple.com/documentation/appstoreservernotifications/externalpurchaseid"""
    if part_name != "externalPurchaseToken":
        return part.get("environment")
    token_id = part.get("externalPurchaseId")
    return "Sandbox" if isinstance(token_id, str) and token_id.startswith("SANDBOX") else "Production"


def _environment(name: object) -> Environment:
    environment = ENVIRONMENTS.get(name) if isinstance(name, str) else None
    if environment is None:
        raise Forged("Its environment is neither Production nor Sandbox.", code="other_environment")
    return environment


def _check_environment(name: object, identity: Identity) -> None:
    if _environment(name) is not identity.environment:
        raise Forged("Its parts are of different environments.", code="other_environment")


def _check_bundle_id(part: Mapping[str, Any], identity: Identity) -> None:
    if part.get("bundleId") != identity.bundle_id:
        raise Forged("Its parts are about different apps.", code="other_app")


def _check_app_apple_id(part: Mapping[str, Any], identity: Identity) -> None:
    """In Sandbox Apple does not always send the id."""
    if identity.environment is not Environment.PRODUCTION:
        return
    if identity.app_apple_id is None:
        raise Forged(
            "Production notifications need the app's Apple ID: write APPLE_APPS as bundle.id:appAppleId (App Store "
            "Connect, App Information, Apple ID).",
            code="other_app",
        )
    if not _same_number(part.get("appAppleId"), identity.app_apple_id):
        raise Forged(
            "Its appAppleId is not the one that APPLE_APPS gives for this bundle id (App Store Connect, App "
            "Information, Apple ID).",
            code="other_app",
        )


def _same_number(value: Any, number: int) -> bool:
    try:
        return int(value) == number
    except (TypeError, ValueError, OverflowError):
        return False
