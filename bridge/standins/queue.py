"""A stand-in for the one call of SQS that takes a webhook in."""

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bridge.standins.troubles import Trouble

SEND = "AmazonSQS.SendMessage"
PATH = "/123456789012/notifications"


class QueueStandin:
    """The server: `with running(standin.app) as url`. `messages` are what was sent, `troubles` are used up first."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self.troubles: list[Trouble] = []
        self.app = Starlette(routes=[Route("/", self._take, methods=["POST"])])

    async def _take(self, request: Request) -> Response:
        document: dict[str, Any] = await request.json()
        if self.troubles:
            return self.troubles.pop(0).response()
        if request.headers.get("x-amz-target") != SEND or not document["QueueUrl"].endswith(PATH):
            return JSONResponse({"__type": "com.amazonaws.sqs#UnsupportedOperation"}, 400)
        self.messages.append(document["MessageBody"])
        return JSONResponse({"MessageId": str(len(self.messages))}, media_type="application/x-amz-json-1.0")
