"""Serve device requests over HTTP, for iOS and for clients that cannot get a token over MQTT.

HTTP Basic: registration with `{appId}-{workspaceId}` and the client key, the rest with Ad-token and device secret.
While the database or Valkey is unavailable, `handler500` of the URLs answers 503.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

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

MAX_BODY_BYTES = 65_536


def _check_client_key(request: HttpRequest) -> HttpResponse | None:
    """Refuse a registration by its head."""
    user_and_key = _client_key_of(request)
    if isinstance(user_and_key, HttpResponse):
        return user_and_key
    return None if may_register(*user_and_key) else _refused(request, "app, workspace or client key is wrong")


@head_check(_check_client_key)
@csrf_exempt
@require_POST
def register(request: HttpRequest) -> HttpResponse:
    """Register a device, or give an installation its device back; answer `data: {adToken, secret}` this once."""
    user_and_key = _client_key_of(request)
    if isinstance(user_and_key, HttpResponse):
        return user_and_key
    body = _body(request)
    if isinstance(body, HttpResponse):
        return body
    try:
        values = decoding.decode_json(body or b"{}")
        if not isinstance(values, dict):
            return _answer(ResultCode.INVALID_PARAM, "the body is not a JSON object")
        DeviceInfo.from_mapping(values)
        Installation.from_mapping(values)
    except ResultError as error:
        return _answer(error.result, error.message)
    admission = _admit(request, Credentials("", *user_and_key, info=values, address=address_of(request.META)))
    if isinstance(admission, HttpResponse):
        return admission
    assert admission.device is not None  # an admission without a device is a refusal
    answer = device_requests.answer(ResultCode.SUCCESS)
    answer["data"] = {"adToken": admission.device.ad_token, "secret": admission.secret}
    return JsonResponse(answer)


def _check_device(request: HttpRequest) -> HttpResponse | None:
    """Refuse a device's request by its head."""
    device = _device_of(request)
    return device if isinstance(device, HttpResponse) else None


def _operation(topic: str) -> Any:
    @head_check(_check_device)
    @csrf_exempt
    @require_POST
    def view(request: HttpRequest) -> HttpResponse:
        device = _device_of(request)
        if isinstance(device, HttpResponse):
            return device
        raw = _body(request)
        if isinstance(raw, HttpResponse):
            return raw
        answer = device_requests.carry_out(device, topic, raw)
        connection_log.note_http_request(device.ad_token, answer["code"], f"{request.path}: {answer['message']}")
        return JsonResponse(answer)

    return view


bind = _operation("mps/bind")
unbind = _operation("mps/unbind")
report = _operation("mps/report")
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


def _body(request: HttpRequest) -> bytes | HttpResponse:
    try:
        declared = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        declared = 0
    if declared > MAX_BODY_BYTES:
        return _answer(ResultCode.MSG_PAYLOAD_TOO_LONG, f"at most {MAX_BODY_BYTES} bytes", status=413)
    return request.body


def _client_key_of(request: HttpRequest) -> tuple[str, str] | HttpResponse:
    """Return user name and client key of a registration, or the refusal."""
    if has_failed_too_often(address_of(request.META)):
        return _too_often(seconds_of_minute_left())
    return _basic(request) or _unauthorized("the client key is needed (HTTP Basic)")


def _device_of(request: HttpRequest) -> KnownDevice | HttpResponse:
    """Return the device whose credentials the request has, or the refusal.

    HTTP Basic has no room for the app's name beside the Ad-token, which is unique anyway.
    """
    if has_failed_too_often(address_of(request.META)):
        return _too_often(seconds_of_minute_left())
    credentials = _basic(request)
    if credentials is None or not credentials[0]:
        return _unauthorized("Ad-token and secret are needed (HTTP Basic)")
    ad_token, secret = credentials
    known = find_devices([ad_token]) if len(ad_token) <= 64 and "\0" not in ad_token else {}
    device = known.get(ad_token)
    if device is None or not device.enabled or not device.has_secret(secret):
        refusal = "Ad-token or secret is wrong"
        connection_log.note_http_request(ad_token, "401", f"{request.path}: {refusal}")
        return _refused(request, refusal)
    return device


def _admit(request: HttpRequest, credentials: Credentials) -> Admission | HttpResponse:
    [admission] = admit([credentials])
    if admission.exceeded is not None:
        return _too_often(admission.exceeded.retry_after)
    if admission.device is None:
        return _refused(request, "app, workspace or client key is wrong")
    return admission


def _answer(result: ResultCode, message: str = "", *, status: int = 200) -> JsonResponse:
    return JsonResponse(device_requests.answer(result, message), status=status)


def _refused(request: HttpRequest, message: str) -> JsonResponse:
    """Refuse wrong credentials, and count the failure."""
    note_failure(address_of(request.META))
    return _unauthorized(message)


def _too_often(retry_after: int) -> JsonResponse:
    response = _answer(ResultCode.SYSTEM_ERROR, f"too many requests; again in {retry_after} s", status=429)
    response["Retry-After"] = str(retry_after)
    return response


def _unauthorized(message: str) -> JsonResponse:
    response = _answer(ResultCode.SIGNATURE_MISMATCH, message, status=401)
    response["WWW-Authenticate"] = 'Basic realm="device gateway"'
    return response
