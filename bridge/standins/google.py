"""A stand-in Google: a real HTTP server with the certificates, the token endpoints and the Play Developer API.

Reached by `GOOGLE_CERTS_URL`, `GOOGLE_PLAY_URL` and the addresses in the credentials file. What the Play API answers
is what `play` holds. Documented and done here: a certificate set with its max-age; a token for a rightly signed
assertion (RFC 7523), or by exchange (RFC 8693) and impersonation; 401 without a token; 404 for what is unknown; an
`orders:batchGet` that fails as a whole for one unknown id.
"""

from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from google.auth import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bridge.standins.google_play import Play
from bridge.standins.troubles import Trouble
from bridge.stories.google_signing import GoogleSigner
from bridge.values import jsontext
from bridge.values.records import Document
from bridge.values.times import EPOCH, Clock, system_clock

MAX_AGE_S = 21_155  # as seen in an answer of Google's
TOKEN_LIFE_S = 3_599
MAX_BATCH = 1_000
SERVICE_ACCOUNT = "bridge@standin-project.iam.gserviceaccount.com"
AWS_AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/aws/providers/lambda"
APPS = "/androidpublisher/v3/applications/{package}"


@dataclass(frozen=True, slots=True)
class ReceivedRequest:
    """One request as it came, answered or not. `end` is one of `certs`, `token`, `play`."""

    end: str
    path: str
    query: str


class GoogleStandin:
    """The server: `with running(standin.app) as url`. All attributes may be read and set while it runs.

    `troubles[end]` are used up one a request. `certificates` and `max_age_s` are what the first end answers.
    `tokens` are the access tokens that the Play API takes; a test may take them away.
    """

    def __init__(self, signer: GoogleSigner, clock: Clock = system_clock) -> None:
        """`signer` signs pushes, and doubles as the key of the service account."""
        self.signer = signer
        self.clock = clock
        self.certificates: dict[str, str] = signer.certificates
        self.max_age_s: int | None = MAX_AGE_S
        self.play = Play(clock)
        self.tokens: set[str] = set()
        self.requests: list[ReceivedRequest] = []
        self.troubles: defaultdict[str, deque[Trouble]] = defaultdict(deque)
        self._tokens_made = 0
        self.app = Starlette(routes=self._routes())

    def count(self, end: str) -> int:
        """How many requests came to an end."""
        return sum(1 for request in self.requests if request.end == end)

    def service_account(self, url: str) -> Document:
        """The content of a service account's key file whose token endpoint is here."""
        return {
            "type": "service_account",
            "project_id": "standin-project",
            "private_key_id": self.signer.key_id,
            "private_key": self.signer.private_key_pem,
            "client_email": SERVICE_ACCOUNT,
            "token_uri": f"{url}/token",
        }

    def external_account(self, url: str) -> Document:
        """The content of a configuration file for keyless federation from AWS."""
        return {
            "type": "external_account",
            "audience": AWS_AUDIENCE,
            "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
            "token_url": f"{url}/v1/token",
            "service_account_impersonation_url": (
                f"{url}/v1/projects/-/serviceAccounts/{SERVICE_ACCOUNT}:generateAccessToken"
            ),
            "credential_source": {
                "environment_id": "aws1",
                "regional_cred_verification_url": (
                    "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
                ),
            },
        }

    def _routes(self) -> list[Route]:
        tokens = f"{APPS}/purchases/{{kind}}/tokens/{{token}}"
        return [
            Route("/oauth2/v1/certs", self._end("certs", self._certs)),
            Route("/token", self._end("token", self._grant), methods=["POST"]),
            Route("/v1/token", self._end("token", self._exchange), methods=["POST"]),
            Route("/v1/projects/-/serviceAccounts/{account}", self._end("token", self._impersonate), methods=["POST"]),
            Route(tokens, self._end("play", self._purchase)),
            Route(f"{APPS}/purchases/voidedpurchases", self._end("play", self._voided)),
            Route(f"{APPS}/orders/{{order_id}}", self._end("play", self._order)),
            Route(f"{APPS}/orders:batchGet", self._end("play", self._orders)),
        ]

    def _end(self, end: str, answer: Callable[[Request, bytes], Response]) -> Callable[[Request], Any]:
        async def take(request: Request) -> Response:
            self.requests.append(ReceivedRequest(end, request.url.path, request.url.query))
            body = await request.body()
            if self.troubles[end]:
                return self.troubles[end].popleft().response()
            if end == "play" and request.headers.get("authorization", "")[len("Bearer ") :] not in self.tokens:
                return _error(401, "UNAUTHENTICATED", "authError")
            return answer(request, body)

        return take

    def _certs(self, _request: Request, _body: bytes) -> Response:
        headers = {} if self.max_age_s is None else {"Cache-Control": f"public, max-age={self.max_age_s}, no-transform"}
        return _json(200, self.certificates, headers)

    def _grant(self, _request: Request, body: bytes) -> Response:
        try:
            (assertion,) = parse_qs(body.decode())["assertion"]
            jwt.decode(assertion, certs=self.signer.certificates)  # type: ignore[no-untyped-call]  # typed in part
        except (KeyError, ValueError):
            return _json(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        return _json(200, {"access_token": self._token(), "expires_in": TOKEN_LIFE_S, "token_type": "Bearer"})

    def _exchange(self, _request: Request, body: bytes) -> Response:
        if parse_qs(body.decode()).get("audience") != [AWS_AUDIENCE]:
            return _json(400, {"error": "invalid_target"})
        token = {"access_token": "federated", "expires_in": TOKEN_LIFE_S, "token_type": "Bearer"}
        return _json(200, {**token, "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"})

    def _impersonate(self, request: Request, _body: bytes) -> Response:
        if request.headers.get("authorization") != "Bearer federated":
            return _error(401, "UNAUTHENTICATED", "authError")
        # The library compares this time with the machine's clock, not with the one that is moved.
        expires = EPOCH + timedelta(milliseconds=system_clock(), seconds=TOKEN_LIFE_S)
        return _json(200, {"accessToken": self._token(), "expireTime": f"{expires:%Y-%m-%dT%H:%M:%SZ}"})

    def _purchase(self, request: Request, _body: bytes) -> Response:
        package, kind, token = (request.path_params[name] for name in ("package", "kind", "token"))
        kept = {"subscriptionsv2": self.play.subscriptions, "productsv2": self.play.one_time_purchases}.get(kind, {})
        if (package, token) in self.play.expired_tokens:
            return _error(410, "FAILED_PRECONDITION", "purchaseTokenNoLongerValid")
        return _found(kept.get((package, token)))

    def _order(self, request: Request, _body: bytes) -> Response:
        return _found(self.play.orders.get((request.path_params["package"], request.path_params["order_id"])))

    def _orders(self, request: Request, _body: bytes) -> Response:
        order_ids = request.query_params.getlist("orderIds")
        found = [self.play.orders.get((request.path_params["package"], order_id)) for order_id in order_ids]
        if not 1 <= len(order_ids) <= MAX_BATCH:
            return _error(400, "INVALID_ARGUMENT", "invalid")
        return _json(200, {"orders": found}) if all(found) else _error(404, "NOT_FOUND", "notFound")

    def _voided(self, request: Request, _body: bytes) -> Response:
        query = request.query_params
        since_ms, until_ms = int(query.get("startTime", 0)), int(query.get("endTime", self.clock()))
        found, after = self.play.voided(request.path_params["package"], since_ms, until_ms, int(query.get("token", 0)))
        page: Document = {"voidedPurchases": found} if found else {}
        return _json(200, page | ({"tokenPagination": {"nextPageToken": str(after)}} if after else {}))

    def _token(self) -> str:
        self._tokens_made += 1
        token = f"ya29.standin-{self._tokens_made}"
        self.tokens.add(token)
        return token


def _found(document: Document | None) -> Response:
    return _json(200, document) if document else _error(404, "NOT_FOUND", "notFound")


def _error(status: int, word: str, reason: str) -> Response:
    errors = [{"message": "…", "domain": "androidpublisher", "reason": reason}]
    return _json(status, {"error": {"code": status, "message": "…", "errors": errors, "status": word}})


def _json(status: int, document: Document, headers: dict[str, str] | None = None) -> Response:
    return Response(jsontext.dumps(document), status, headers, media_type="application/json")
