"""Serve device requests over HTTP, for iOS and for clients that cannot get a token over MQTT.

HTTP Basic: registration with `{appId}-{workspaceId}` and the client key, the rest with Ad-token and device secret.
While the database or Valkey is unavailable, `handler500` of the URLs answers 503.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from gateway.cluster import connection_log
from gateway.node import device_requests
from gateway.node.admission import Admission, Credentials, admit, may_register
from gateway.node.attempt_limits import has_failed_too_often, note_failure, seconds_of_minute_left
from pushcore.codes.results import ResultCode, ResultError
from pushcore.devices.info import DeviceInfo
from pushcore.devices.installations import Installation
from pushcore.devices.registry import KnownDevice, find_devices
from pushcore.inbound import decoding
from pushcore.inbound.head_check import head_check
from pushcore.security.proxies import address_of

R = TypeVar("R")
MAX_BODY_BYTES = 65_536


class RefusalError(Exception):
    """A request is refused."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__(response.status_code)
        self.response = response


def _refusals_answered(view: Callable[[HttpRequest], R]) -> Callable[[HttpRequest], R | HttpResponse]:
    """Decorate a view or a check that raises `RefusalError`: it returns the refusal."""

    @wraps(view)
    def answer(request: HttpRequest) -> R | HttpResponse:
        try:
            return view(request)
        except RefusalError as refusal:
            return refusal.response

    return answer


@_refusals_answered
def _check_client_key(request: HttpRequest) -> None:
    """Refuse a registration by its head."""
    if not may_register(*_client_key_of(request)):
        raise _wrong(request, "app, workspace or client key is wrong")


@head_check(_check_client_key)
@csrf_exempt
@require_POST
@_refusals_answered
def register(request: HttpRequest) -> HttpResponse:
    """Register a device, or give an installation its device back; answer `data: {adToken, secret}` this once."""
    user_and_key, body = _client_key_of(request), _body(request)
    try:
        values = decoding.decode_json(body or b"{}")
        if not isinstance(values, dict):
            return _answer(ResultCode.INVALID_PARAM, "the body is not a JSON object")
        DeviceInfo.from_mapping(values)
        Installation.from_mapping(values)
    except ResultError as error:
        return _answer(error.result, error.message)
    admission = _admit(request, Credentials("", *user_and_key, info=values, address=address_of(request.META)))
    assert admission.device is not None  # an admission without a device is a refusal
    answer = device_requests.answer(ResultCode.SUCCESS)
    answer["data"] = {"adToken": admission.device.ad_token, "secret": admission.secret}
    return JsonResponse(answer)


@_refusals_answered
def _check_device(request: HttpRequest) -> None:
    """Refuse a device's request by its head."""
    _device_of(request)


def _operation(topic: str) -> Any:
    @head_check(_check_device)
    @csrf_exempt
    @require_POST
    @_refusals_answered
    def view(request: HttpRequest) -> HttpResponse:
        device, raw = _device_of(request), _body(request)
        answer = device_requests.carry_out(device, topic, raw)
        connection_log.note_http_request(device.ad_token, answer["code"], f"{request.path}: {answer['message']}")
        return JsonResponse(answer)

    return view


bind = _operation("mps/bind")
unbind = _operation("mps/unbind")
report = _operation("mps/report")
profile = _operation("mps/profile")
inbox = _operation("mps/inbox")
events = _operation("mps/event")
unregister = _operation("mps/unregister")


def _basic(request: HttpRequest) -> tuple[str, str] | None:
    """Return user name and password; None if there are none or they are unreadable."""
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (user, password) if colon else None


def _body(request: HttpRequest) -> bytes:
    try:
        declared = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        declared = 0
    if declared > MAX_BODY_BYTES:
        raise RefusalError(_answer(ResultCode.MSG_PAYLOAD_TOO_LONG, f"at most {MAX_BODY_BYTES} bytes", status=413))
    return request.body


def _client_key_of(request: HttpRequest) -> tuple[str, str]:
    """Return user name and client key of a registration."""
    _check_failures(request)
    credentials = _basic(request)
    if credentials is None:
        raise _unauthorized("the client key is needed (HTTP Basic)")
    return credentials


def _device_of(request: HttpRequest) -> KnownDevice:
    """Return the device whose credentials the request has.

    HTTP Basic has no room for the app's name beside the Ad-token, which is unique anyway.
    """
    _check_failures(request)
    credentials = _basic(request)
    if credentials is None or not credentials[0]:
        raise _unauthorized("Ad-token and secret are needed (HTTP Basic)")
    ad_token, secret = credentials
    known = find_devices([ad_token]) if len(ad_token) <= 64 and "\0" not in ad_token else {}
    device = known.get(ad_token)
    if device is None or not device.enabled or not device.has_secret(secret):
        reason = "Ad-token or secret is wrong"
        connection_log.note_http_request(ad_token, "401", f"{request.path}: {reason}")
        raise _wrong(request, reason)
    return device


def _admit(request: HttpRequest, credentials: Credentials) -> Admission:
    [admission] = admit([credentials])
    if admission.exceeded is not None:
        raise _too_often(admission.exceeded.retry_after)
    if admission.device is None:
        raise _wrong(request, "app, workspace or client key is wrong")
    return admission


def _answer(result: ResultCode, message: str = "", *, status: int = 200) -> JsonResponse:
    return JsonResponse(device_requests.answer(result, message), status=status)


def _check_failures(request: HttpRequest) -> None:
    """Refuse an address from which wrong credentials came too often."""
    if has_failed_too_often(address_of(request.META)):
        raise _too_often(seconds_of_minute_left())


def _wrong(request: HttpRequest, message: str) -> RefusalError:
    """Return the refusal of wrong credentials, and count the failure."""
    note_failure(address_of(request.META))
    return _unauthorized(message)


def _too_often(retry_after: int) -> RefusalError:
    response = _answer(ResultCode.SYSTEM_ERROR, f"too many requests; again in {retry_after} s", status=429)
    response["Retry-After"] = str(retry_after)
    return RefusalError(response)


def _unauthorized(message: str) -> RefusalError:
    response = _answer(ResultCode.SIGNATURE_MISMATCH, message, status=401)
    response["WWW-Authenticate"] = 'Basic realm="device gateway"'
    return RefusalError(response)
