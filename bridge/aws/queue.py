"""The one durable write before a webhook is answered: its notification goes to the queue."""

from bridge.aws.client import AwsClient
from bridge.aws.errors import AwsError
from bridge.aws.messages import StoreObject, pack
from bridge.errors import CannotTell, TooLarge
from bridge.log import Log
from bridge.values.records import Notification


class Queue:
    """Sends notifications to SQS, which keeps them in several data centres before it answers."""

    def __init__(self, sqs: AwsClient, url: str, store: StoreObject, log: Log) -> None:
        """`store` keeps a body that no message can hold; see `no_store`."""
        self._sqs = sqs
        self._url = url
        self._store = store
        self._log = log

    def keep(self, notification: Notification) -> None:
        """Keep it for good. Raises CannotTell when AWS does not take it."""
        try:
            self._sqs.call("SendMessage", {"QueueUrl": self._url, "MessageBody": pack(notification, self._store)})
        except AwsError as error:
            self._log("queue_failed", level="error", source=notification.source, message=str(error))
            raise CannotTell("The queue cannot be written just now. Please send this again.") from None


def no_store(name: str, body: bytes) -> None:
    """For a source whose bodies fit a message whatever is in them. Raises TooLarge."""
    raise TooLarge(f"{len(body)} bytes that cannot be packed are more than the queue takes ({name.partition('/')[0]}).")
