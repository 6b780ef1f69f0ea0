"""Who calls AWS from a person's own machine: whatever the AWS command line tool has found there, such as a profile or
a single sign-on, if its library botocore is installed beside the bridge; else the environment variables."""

import os
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from bridge.aws.credentials import Credentials, FindCredentials, from_environment
from bridge.aws.errors import AwsError
from bridge.environment import Secret

_HELP = "sign in with `aws sso login` or `aws configure`, or set AWS_PROFILE"


def find_credentials() -> FindCredentials:
    """What gives the credentials, and new ones when they have become old."""
    return _Chain() if find_spec("botocore") else _explained


def with_region(environment: Mapping[str, str] = os.environ) -> Mapping[str, str]:
    """The environment, with the region that the tool's configuration names, if no variable does."""
    if "AWS_REGION" in environment or "AWS_DEFAULT_REGION" in environment or not find_spec("botocore"):
        return environment
    region = _session().get_config_variable("region")
    return {**environment, "AWS_REGION": region} if region else environment


class _Chain:
    """Asks botocore, which knows how to renew what it found."""

    def __init__(self) -> None:
        self._session = _session()

    def __call__(self) -> Credentials:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - it need not be installed

        try:
            found = self._session.get_credentials()
            frozen = found.get_frozen_credentials() if found else None
        except BotoCoreError as error:
            raise AwsError(f"no AWS credentials ({type(error).__name__}): {_HELP}") from None
        if frozen is None:
            raise AwsError(f"no AWS credentials: {_HELP}")
        return Credentials(frozen.access_key, Secret(frozen.secret_key), Secret(frozen.token) if frozen.token else None)


def _explained() -> Credentials:
    try:
        return from_environment()
    except AwsError as error:
        raise AwsError(f"{error}; or install botocore beside the bridge, and it takes what the AWS CLI uses") from None


def _session() -> Any:
    from botocore.session import Session  # noqa: PLC0415 - as above

    return Session()
