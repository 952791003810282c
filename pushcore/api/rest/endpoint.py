"""The REST API: JSON signed with the caller's RSA key, `POST /api/v1/...`.

Every answer is `{"success", "code", "name", "message", "data", "requestId"}` with a result code, HTTP status 200;
other statuses say that no operation was reached (405, 413, 429, 503).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

import structlog
from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, JsonResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request
from rest_framework.views import APIView

from pushcore.api import replay_protection, throttle
from pushcore.api.operation import SCOPE, V2020, Caller, Operation
from pushcore.api.operations import REST_OPERATIONS
from pushcore.api.replay_protection import MAX_NONCE, Nonce
from pushcore.api.request_ids import request_id_of
from pushcore.api.rest import signature
from pushcore.api.rest.openapi import SIGNATURE, Answer
from pushcore.api.schema import refuse_unknown_names
from pushcore.codes.results import ResultCode, ResultError
from pushcore.inbound import decoding
from pushcore.models import PushTask, Workspace
from pushcore.storage.outages import Unavailable, log_outage

log = structlog.get_logger(__name__)

MAX_QUERY_FIELDS = 100
MAX_PAGE = 9_999
REPLAY_FIELDS = ("timestamp", "nonce")


class RawParser(BaseParser):
    """Takes any body as it is: the signature is over its bytes, whatever the content type says."""

    media_type = "*/*"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        """Return the bytes of the body."""
        return bytes(stream.read())


class OnlyJson(BaseContentNegotiation):
    """Answers are JSON, whatever a caller says that it accepts."""

    def select_parser(self, request: Any, parsers: Any) -> Any:
        """Return the first parser, whatever the content type."""
        return parsers[0]

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        """Return the first renderer, whatever is accepted."""
        return renderers[0], renderers[0].media_type


class SignedView(APIView):
    """The base of this API's views."""

    parser_classes = [RawParser]
    content_negotiation_class = OnlyJson


def view_of(operation: Operation) -> type[APIView]:
    """Return the view class of an operation, documented from its row and schema."""
    assert operation.example is not None, f"{operation.action} has no example"
    request_example, data = operation.example

    @extend_schema(
        operation_id=operation.action,
        summary=operation.summary,
        description=(operation.schema.__doc__ or "").partition("\n")[0],
        request={"application/json": operation.schema},
        responses={200: Answer},
        parameters=SIGNATURE,
        examples=[
            OpenApiExample("a call", request_example, request_only=True),
            OpenApiExample("succeeded", _SUCCEEDED | {"data": data}, response_only=True, status_codes=["200"]),
        ],
    )
    def post(_view: APIView, request: Request) -> JsonResponse:
        # Django's own request has the raw body; DRF's would parse it.
        return answer(request._request, operation.action, lambda: _serve(request._request, operation))

    attributes = {
        "http_method_names": ["post", "options"],
        "post": post,
        "check_head": staticmethod(check_head_of_body),
    }
    return type(f"{operation.action}View", (SignedView,), attributes)


_SUCCEEDED = {
    "success": True,
    "code": "100",
    "name": "SUCCESS",
    "message": "succeeded",
    "requestId": "0E7CFD0B-7F4E-4B9E-9D3B-1B1F3E2E6D0A",
}


def answer(request: HttpRequest, name: str, work: Callable[[], Any]) -> JsonResponse:
    """Run the work, which verifies the request first, and answer with what came of it. `name` is for the log."""
    status, data = 200, None
    headers: dict[str, str] = {}
    try:
        result, message = ResultCode.SUCCESS, ResultCode.SUCCESS.meaning
        data = work()
    except TooLargeError as error:
        status, result = 413, ResultCode.MSG_PAYLOAD_TOO_LONG
        message = f"{result.meaning}: at most {error.limit} bytes"
    except throttle.ThrottledError as error:
        status, result, message = 429, ResultCode.SYSTEM_ERROR, "the workspace is over its rate; try again later"
        headers["Retry-After"] = str(error.retry_after)
    except throttle.ForgottenNonceError:
        status, result, message = 503, ResultCode.SYSTEM_ERROR, "signed before used nonces were kept; sign it again"
        headers["Retry-After"] = "1"
    except ResultError as error:
        result, message = error.result, error.message
    except SuspiciousOperation as error:  # what Django refuses when a query or a body is read
        result, message = ResultCode.INVALID_PARAM, f"{ResultCode.INVALID_PARAM.meaning}: {error}"
    except Unavailable as error:
        log_outage(log, error, action=name)
        status, result, message = 503, ResultCode.SYSTEM_ERROR, "temporarily unavailable; try again"
    except Exception:  # a fault of ours: the caller gets the documented code, the log gets the traceback
        log.exception("operation failed", action=name)
        result, message = ResultCode.SYSTEM_ERROR, ResultCode.SYSTEM_ERROR.meaning
    body = {
        "success": result is ResultCode.SUCCESS,
        "code": result.code,
        "name": result.name,
        "message": message,
        "data": data,
        "requestId": request_id_of(request),
    }
    return JsonResponse(body, status=status, headers=headers, json_dumps_params={"ensure_ascii": False})


class TooLargeError(Exception):
    """The body is larger than `limit` (bytes)."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


def _serve(request: HttpRequest, operation: Operation) -> str | dict[str, Any] | list[dict[str, Any]] | None:
    """Verify the request, read its parameters and run the operation. Raises `ResultError`."""
    workspace, values = verified_body(request)
    operation.schema.refuse_unknown(values, REPLAY_FIELDS)
    return operation.service(workspace, operation.schema.read(values), Caller(PushTask.Source.REST, "RSA key", V2020))


def verified(request: HttpRequest, scope: Mapping[str, Any], signed: bytes) -> Workspace:
    """Verify a request and count it; return the workspace that it acts in.

    A GET, which changes nothing, never needs a nonce.

    Args:
        request: Has the signature.
        scope: The parameters that name the workspace.
        signed: What the signature has to be over.

    Raises:
        ResultError: NEED_APPID_WORKSPACEID, APPID_WRONG, REST_API_SWITCH_NOT_OPEN, UNKNOWN_REST_SIGN_TYPE,
            SIGNATURE_MISMATCH; INVALID_PARAM for a replay.
        ForgottenNonceError: Nobody knows whether its nonce was used.
        ThrottledError: The workspace is over its rate or quota.
    """
    workspace = _signer(request, scope, signed)
    try:
        throttle.take(f"rest:{workspace.pk}", _nonce(workspace, scope, is_read=request.method == "GET"))
    except throttle.UsedNonceError:
        raise ResultError(ResultCode.INVALID_PARAM, "nonce was used already") from None
    return workspace


def _signer(request: HttpRequest, scope: Mapping[str, Any], signed: bytes) -> Workspace:
    workspace = _workspace(scope)
    if not workspace.push_api_enabled:
        raise ResultError(ResultCode.REST_API_SWITCH_NOT_OPEN)
    _check_sign_type(request)
    if not signature.is_valid(workspace, signed, request.GET.get("sign", "")):
        raise ResultError(ResultCode.SIGNATURE_MISMATCH)
    return workspace


def _check_sign_type(request: HttpRequest) -> None:
    if request.GET.get("signType", "").upper() != signature.SIGN_TYPE:
        raise ResultError(ResultCode.UNKNOWN_REST_SIGN_TYPE)


def verified_body(request: HttpRequest) -> tuple[Workspace, dict[str, Any]]:
    """Return the workspace and the parameters of a request with a signed JSON body. Raises as `verified`."""
    raw = _raw_body(request)
    values = json_object(raw)
    return verified(request, values, raw), values


def verified_path(request: HttpRequest, known: Collection[str]) -> tuple[Workspace, dict[str, str]]:
    """Return the workspace and the query of a request without a JSON body.

    Its path with query is signed, without `sign` and `signType`. Raises as `verified`.

    Args:
        request: The request.
        known: The parameters that it may have beside those of every call.
    """
    values = query_of(request)
    workspace = verified(request, values, _signed_path(request))
    refuse_unknown_names(values, {*known, *SCOPE, *REPLAY_FIELDS, "sign", "signType"})
    return workspace, values


def query_of(request: HttpRequest) -> dict[str, str]:
    """Return the parameters in the query. Raises `ResultError` (INVALID_PARAM) naming one that is not text in UTF-8."""
    # WSGI shows bytes as Latin-1 (PEP 3333).
    query = request.META.get("QUERY_STRING", "").encode("latin-1").decode("utf-8", "surrogateescape")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        raise ResultError(ResultCode.INVALID_PARAM, f"more than {MAX_QUERY_FIELDS} parameters in the query") from None
    values = dict(pairs)
    decoding.check_storable(values)
    return values


def page_number(parameters: Mapping[str, str], name: str) -> int:
    """Return the number of the page that a query asks for, from 1; the first where it asks for none.

    Raises:
        ResultError: INVALID_PARAM, naming the parameter.
    """
    text = parameters.get(name, "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= MAX_PAGE):
        raise ResultError(ResultCode.INVALID_PARAM, f"{name} is from 1 to {MAX_PAGE}")
    return int(text)


def _signed_path(request: HttpRequest) -> bytes:
    query = request.META.get("QUERY_STRING", "")
    pairs = [pair for pair in query.split("&") if pair.partition("=")[0] not in ("sign", "signType")]
    path = f"{request.path}?{'&'.join(pairs)}" if pairs else request.path
    return path.encode("utf-8", "surrogateescape")


def check_head_of_path(request: HttpRequest) -> JsonResponse | None:
    """Check the head of a request whose credentials are all in it (for `head_check`)."""
    return _refusal(request, lambda: _signer(request, query_of(request), _signed_path(request)))


def check_head_of_body(request: HttpRequest) -> JsonResponse | None:
    """Check the head of a request with a signed body (`head_check`): that it has a signature."""
    return _refusal(request, lambda: _check_signed(request))


def _check_signed(request: HttpRequest) -> None:
    _check_sign_type(request)
    if not request.GET.get("sign"):
        raise ResultError(ResultCode.SIGNATURE_MISMATCH)


def _refusal(request: HttpRequest, check: Callable[[], object]) -> JsonResponse | None:
    passed: list[object] = []
    response = answer(request, "HeadCheck", lambda: passed.append(check()))
    return None if passed else response


def _raw_body(request: HttpRequest) -> bytes:
    check_size(request, settings.MAX_BODY_BYTES)
    return request.body


def check_size(request: HttpRequest, limit: int) -> None:
    """Raise `TooLargeError` where the declared length is beyond the limit (bytes), before anything is read."""
    try:
        declared = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        declared = 0
    if declared > limit:
        raise TooLargeError(limit)


def json_object(raw: bytes) -> dict[str, Any]:
    """Decode a body that has to be a JSON object. Raises `ResultError`: REQUEST_SHOULD_BE_UTF8, INVALID_PARAM."""
    values = decoding.decode_json(raw)
    if not isinstance(values, dict):
        raise ResultError(ResultCode.INVALID_PARAM, "the body is not a JSON object")
    return values


def _workspace(values: Mapping[str, Any]) -> Workspace:
    app_id, workspace_id = values.get("appId"), values.get("workspaceId")
    if not app_id or not workspace_id:
        raise ResultError(ResultCode.NEED_APPID_WORKSPACEID)
    if not isinstance(app_id, str) or not isinstance(workspace_id, str) or not (app_id + workspace_id).isprintable():
        raise ResultError(ResultCode.APPID_WRONG)
    workspace = Workspace.objects.filter(
        app__app_id=app_id, workspace_id=workspace_id, app__enabled=True, enabled=True
    ).first()
    if workspace is None:
        raise ResultError(ResultCode.APPID_WRONG)
    return workspace


def _nonce(workspace: Workspace, values: Mapping[str, Any], *, is_read: bool) -> Nonce | None:
    """Return the request's nonce, if it has one. A nonce needs a timestamp, and the workspace may require both.

    Raises:
        ResultError: INVALID_PARAM for one that is missing, out of form or out of time.
    """
    timestamp, nonce = values.get("timestamp"), values.get("nonce")
    if workspace.replay_protection and not is_read and (timestamp is None or nonce is None):
        raise ResultError(ResultCode.INVALID_PARAM, "timestamp and nonce are required")
    moment = None if timestamp is None else replay_protection.parse_timestamp(str(timestamp))
    if timestamp is not None and (moment is None or not replay_protection.is_fresh(moment)):
        raise ResultError(ResultCode.INVALID_PARAM, "timestamp is more than 15 minutes off")
    if nonce is None:
        return None
    if moment is None:
        raise ResultError(ResultCode.INVALID_PARAM, "nonce needs a timestamp: alone it would count for some time only")
    if (
        isinstance(nonce, bool)
        or not isinstance(nonce, str | int)
        or not 1 <= len(str(nonce)) <= replay_protection.MAX_NONCE
    ):
        raise ResultError(ResultCode.INVALID_PARAM, f"nonce is a text of 1 to {MAX_NONCE} characters")
    return replay_protection.nonce_of(workspace.app_id, workspace.workspace_id, str(nonce), moment)


VIEWS = {operation.path: view_of(operation) for operation in REST_OPERATIONS}
