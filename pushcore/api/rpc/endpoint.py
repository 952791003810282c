"""The RPC API: what the published client packages speak. `POST /`, also `GET /`.

Two signatures, one shape of answers: failures before an operation are HTTP 4xx with a code, results of an operation are
HTTP 200 with ResultCode. JSON or XML.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.csrf import csrf_exempt

from pushcore.api import access_keys, replay_protection, throttle
from pushcore.api.operation import V2019, VERSIONS, Caller, Operation
from pushcore.api.operations import BY_ACTION
from pushcore.api.request_ids import request_id_of
from pushcore.api.rpc import errors, signature
from pushcore.api.rpc.envelopes import wrapped
from pushcore.api.rpc.errors import RpcError
from pushcore.api.rpc.flattening import unflatten
from pushcore.codes.results import ResultCode, ResultError
from pushcore.inbound import decoding
from pushcore.inbound.head_check import head_check
from pushcore.models import PushTask, Workspace
from pushcore.storage.outages import Unavailable, log_outage

log = structlog.get_logger(__name__)

MAX_FIELDS = 6000
_METHODS = ("GET", "POST", "HEAD")
_SYSTEM_PARAMETERS = frozenset(
    {
        "Action", "Version", "Format", "AccessKeyId", "SignatureMethod", "SignatureVersion", "SignatureNonce",
        "SignatureType", "Timestamp", "RegionId", "Signature", "SecurityToken",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RpcRequest:
    """A request as it was read.

    Attributes:
        query: Names and values of the query string, repeated names included.
        body: Likewise, of a form.
        headers: Values by name in lower case.
        parameters: Values of query and body by name.
    """

    http_method: str
    path: str
    query: list[tuple[str, str]]
    body: list[tuple[str, str]]
    raw_body: bytes
    headers: Mapping[str, str]
    parameters: Mapping[str, str]

    @property
    def action(self) -> str:
        """The name of the operation, wherever the request has it."""
        return self.headers.get("x-acs-action") or self.parameters.get("Action", "")


def _check_head(request: HttpRequest) -> HttpResponse | None:
    """Check the credentials in the head: all of ACS3's but the body's hash; of version 1, the access key."""
    try:
        call = _read(request, body=False)
        if _is_acs3(call):
            _verify_acs3_head(call)
        elif "AccessKeyId" in call.parameters:
            _access_key(call.parameters["AccessKeyId"])
    except RpcError as error:
        return _refused(request, error, _format_of(request, None))
    except Unavailable as error:
        log_outage(log, error)
        return _refused(request, errors.unavailable(), _format_of(request, None))
    return None


@head_check(_check_head)
@csrf_exempt
def rpc_view(request: HttpRequest) -> HttpResponse:
    """Answer a call. A browser that comes without an action is redirected to the console."""
    if request.method in ("GET", "HEAD") and "Action" not in request.GET and "x-acs-action" not in request.headers:
        return HttpResponseRedirect("/console/")
    call: RpcRequest | None = None
    try:
        if request.method not in _METHODS:
            raise errors.wrong_method(request.method or "")
        call = _read(request)
        answer = _serve(call)
    except throttle.ThrottledError as error:
        return _refused(request, errors.throttled(error.retry_after), _format_of(request, call))
    except RpcError as error:
        return _refused(request, error, _format_of(request, call))
    answer["RequestId"] = request_id_of(request)
    return _render(answer, 200, _format_of(request, call), f"{call.action}Response")


def _refused(request: HttpRequest, error: RpcError, answer_format: str) -> HttpResponse:
    answer = {
        "RequestId": request_id_of(request), "HostId": request.get_host(), "Code": error.code, "Message": error.message,
    }  # fmt: skip
    response = _render(answer, error.status, answer_format, "Error")
    if error.retry_after:
        response["Retry-After"] = str(error.retry_after)
    if error.status == 405:
        response["Allow"] = ", ".join(_METHODS)
    return response


_UNPREFIXED_HEADERS = (("content-type", "CONTENT_TYPE"), ("content-length", "CONTENT_LENGTH"))


def _read(request: HttpRequest, *, body: bool = True) -> RpcRequest:
    """Read the request, without its body where that has not come yet. A length beyond the limit is refused before."""
    try:
        declared = int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        declared = 0
    if declared > settings.MAX_BODY_BYTES:
        raise errors.body_too_large()
    raw = request.body if body else b""
    form = request.content_type == "application/x-www-form-urlencoded" or not request.content_type
    try:
        query = _pairs(request.META.get("QUERY_STRING", ""))
        fields = _pairs(raw.decode("utf-8", "surrogateescape")) if form else []
        parameters = dict(query) | dict(fields)
        for name in _SYSTEM_PARAMETERS & parameters.keys():
            parameters[name].encode()
    except ValueError:
        raise errors.bad_encoding() from None
    return RpcRequest(request.method or "", request.path, query, fields, raw, _headers(request.META), parameters)


def _headers(meta: Mapping[str, Any]) -> dict[str, str]:
    """Return `request.headers` with names in lower case."""
    headers = {name[5:].replace("_", "-").lower(): value for name, value in meta.items() if name.startswith("HTTP_")}
    return headers | {name: meta[key] for name, key in _UNPREFIXED_HEADERS if meta.get(key)}


def _pairs(text: str) -> list[tuple[str, str]]:
    """Return names and values. Bytes that are no UTF-8, signed too, become halves of surrogate pairs (PEP 383).

    Raises:
        ValueError: There are more than `MAX_FIELDS`.
    """
    return parse_qsl(text, keep_blank_values=True, errors="surrogateescape", max_num_fields=MAX_FIELDS)


def _serve(call: RpcRequest) -> dict[str, Any]:
    """Verify the call and run its operation. Raises `RpcError` for what is wrong before the operation."""
    if _is_acs3(call):
        action, version = call.headers.get("x-acs-action", ""), call.headers.get("x-acs-version", "")
        verify, names = _verify_acs3, ("x-acs-action", "x-acs-version")
    else:
        action, version = call.parameters.get("Action", ""), call.parameters.get("Version", "")
        verify, names = _verify_v1, ("Action", "Version")
    for name, value in zip(names, (action, version), strict=True):
        if not value:
            raise errors.missing(name)
    if version not in VERSIONS:
        raise errors.unknown_version(version)
    operation = BY_ACTION.get(action)
    if operation is None:
        raise errors.unknown_action(action)
    if version not in operation.versions:
        raise errors.unknown_version(version)
    try:
        key = verify(call)
        return _run(operation, version, key, call)
    except Unavailable as error:
        log_outage(log, error, action=action)
        raise errors.unavailable() from None


def _is_acs3(call: RpcRequest) -> bool:
    return signature.ACS3_ALGORITHM in call.headers.get("authorization", "")


def _verify_v1(call: RpcRequest) -> access_keys.KnownKey:
    """Verify signature version 1, over every parameter of query and body."""
    parameters = call.parameters
    for name in ("AccessKeyId", "Signature", "SignatureNonce", "Timestamp"):
        if not parameters.get(name):
            raise errors.missing(name)
    method = parameters.get("SignatureMethod", "HMAC-SHA1").upper()
    if method not in signature.V1_METHODS or parameters.get("SignatureVersion", "1.0") != "1.0":
        raise errors.unsupported_signature()
    key = _access_key(parameters["AccessKeyId"])
    text = signature.v1_string_to_sign(call.http_method, parameters)
    if not signature.is_valid_v1(text, parameters["Signature"], key.secret, method):
        raise errors.wrong_signature(text)
    _check_replay(key, call, parameters["Timestamp"], parameters["SignatureNonce"])
    return key


def _verify_acs3(call: RpcRequest) -> access_keys.KnownKey:
    """Verify ACS3: a signature over method, path, query, the named headers and the body's hash."""
    key = _verify_acs3_head(call)
    if hashlib.sha256(call.raw_body).hexdigest() != call.headers["x-acs-content-sha256"].lower():
        raise errors.wrong_body_hash()
    _check_replay(key, call, call.headers["x-acs-date"], call.headers["x-acs-signature-nonce"])
    return key


def _verify_acs3_head(call: RpcRequest) -> access_keys.KnownKey:
    """Verify ACS3's signature, which is over the head and the hash of the body."""
    authorization = signature.parse_acs3(call.headers["authorization"])
    if authorization is None or not authorization.access_key_id:
        raise errors.missing("Authorization")
    for name in ("x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"):
        if not call.headers.get(name):
            raise errors.missing(name)
    key = _access_key(authorization.access_key_id)
    # What decides about the request must be under the signature.
    signed = set(authorization.signed_headers)
    needed = {"host", "x-acs-action", "x-acs-version", "x-acs-date", "x-acs-signature-nonce", "x-acs-content-sha256"}
    body_hash = call.headers["x-acs-content-sha256"]
    text = signature.acs3_string_to_sign(
        call.http_method, call.path, call.query, call.headers, authorization.signed_headers, body_hash
    )
    if not needed <= signed or not signature.is_valid_acs3(text, authorization.signature, key.secret):
        raise errors.wrong_signature(text)
    return key


def _access_key(access_key_id: str) -> access_keys.KnownKey:
    try:
        key = access_keys.known_key(access_key_id)
    except access_keys.InactiveKeyError:
        raise errors.inactive_key() from None
    if key is None:
        raise errors.unknown_key()
    return key


def _check_replay(key: access_keys.KnownKey, call: RpcRequest, timestamp: str, nonce: str) -> None:
    moment = replay_protection.parse_timestamp(timestamp)
    if moment is None:
        raise errors.bad_timestamp()
    if not replay_protection.is_fresh(moment):
        raise errors.expired_timestamp()
    taken = replay_protection.nonce_of(key.app_id, call.parameters.get("WorkspaceId", ""), nonce, moment)
    try:
        throttle.take(key.access_key_id, taken)
    except throttle.UsedNonceError:
        raise errors.used_nonce() from None
    except throttle.ForgottenNonceError:
        raise errors.forgotten_nonce() from None
    access_keys.note_use(key)


def _run(operation: Operation, version: str, key: access_keys.KnownKey, call: RpcRequest) -> dict[str, Any]:
    """Run the operation and wrap its result."""
    parameters = {name: value for name, value in call.parameters.items() if name not in _SYSTEM_PARAMETERS}
    values = _camel_case(unflatten(parameters, operation.schema.map_parameters()))
    for name in operation.required[version]:
        if name not in values:
            raise errors.missing(name[:1].upper() + name[1:])
    try:
        decoding.check_storable(parameters)
        # The scope first: what else is wrong with a call is no business of a stranger.
        workspace = _workspace(key, values)
        data = operation.service(
            workspace, operation.schema.read(values), Caller(PushTask.Source.RPC, key.access_key_id, version)
        )
    except ResultError as error:
        return wrapped(operation, error.result.code, error.message, None, success=False)
    except Unavailable:
        raise
    except Exception:  # a fault of ours: the caller gets the documented code, the log gets the traceback
        log.exception("operation failed", action=operation.action)
        failure = ResultCode.SYSTEM_ERROR
        return wrapped(operation, failure.code, failure.meaning, None, success=False)
    return wrapped(operation, "100" if version == V2019 else "OK", "SUCCESS", data, success=True)


def _camel_case(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters by the REST API's names, in lists too: `TargetMsg.1.MsgKey` becomes targetMsg[0].msgKey."""
    return {
        name[:1].lower() + name[1:]: [_camel_case(entry) if isinstance(entry, Mapping) else entry for entry in value]
        if isinstance(value, list)
        else value
        for name, value in values.items()
    }


def _workspace(key: access_keys.KnownKey, values: Mapping[str, Any]) -> Workspace:
    app_id, workspace_id = values.get("appId"), values.get("workspaceId")
    if not isinstance(app_id, str) or not isinstance(workspace_id, str) or not app_id or not workspace_id:
        raise ResultError(ResultCode.NEED_APPID_WORKSPACEID)
    workspace = access_keys.workspace_of(key, app_id, workspace_id)
    if workspace is None:
        raise ResultError(ResultCode.APPID_WRONG)
    return workspace


def _format_of(request: HttpRequest, call: RpcRequest | None) -> str:
    """Return JSON or XML: `Format` decides, else `Accept`. Version 1 without either is answered in XML.

    `call`: None where the request could not be read; what of its query can be read counts then.
    """
    format_name = (call.parameters if call else request.GET).get("Format", "")
    if format_name.upper() in ("JSON", "XML"):
        return format_name.upper()
    if "HTTP_X_ACS_ACTION" in request.META or "json" in request.META.get("HTTP_ACCEPT", ""):
        return "JSON"
    return "XML"


def _render(answer: dict[str, Any], status: int, answer_format: str, root: str) -> HttpResponse:
    if answer_format == "JSON":
        return HttpResponse(json.dumps(answer, ensure_ascii=False), status=status, content_type="application/json")
    element = ElementTree.Element(root)
    _fill(element, answer)
    return HttpResponse(
        ElementTree.tostring(element, encoding="utf-8", xml_declaration=True), status=status, content_type="text/xml"
    )


# What XML 1.0 has no way to write (its `Char`): most control characters, and two that are none.
_NOT_IN_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _fill(element: ElementTree.Element, values: Mapping[str, Any]) -> None:
    flat = [
        (name, entry) for name, value in values.items() for entry in (value if isinstance(value, list) else [value])
    ]
    for name, value in flat:
        child = ElementTree.SubElement(element, name)
        if isinstance(value, Mapping):
            _fill(child, value)
        else:
            text = str(value).lower() if isinstance(value, bool) else str(value)
            child.text = _NOT_IN_XML.sub("\ufffd", text)
