"""Settings in the Parameter Store of AWS Systems Manager, secrets among them."""

from collections.abc import Sequence

from bridge.aws.client import AwsClient

_AT_ONCE = 10  # https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html


def get_parameters(client: AwsClient, names: Sequence[str]) -> dict[str, str]:
    """The values of these parameters, decrypted; those that there are not are left out. Raises AwsError."""
    found: dict[str, str] = {}
    for start in range(0, len(names), _AT_ONCE):
        wanted = {"Names": list(names[start : start + _AT_ONCE]), "WithDecryption": True}
        answer = client.call("GetParameters", wanted)
        found |= {one["Name"]: one["Value"] for one in answer.get("Parameters", ())}
    return found
