"""Call the RPC API, signed with ACS3-HMAC-SHA256, and the one call that only the REST API has: a file of targets.

Source of the signature: https://help.aliyun.com/document_detail/2712195.html (ACS3-HMAC-SHA256).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mps_cli.credentials import Credentials

VERSION = "2020-10-28"
TIMEOUT_SECONDS = 30
FILE_TIMEOUT_SECONDS = 600
_SUCCESS = ("OK", "100")
_SIGNED = ("host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version")


class RefusedError(Exception):
    """The API refused a call. `code`: a result code, or an error code of the RPC API."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class UnreachableError(Exception):
    """There is no usable answer."""


def flattened(values: Mapping[str, Any]) -> dict[str, str]:
    """Return parameters as the RPC API's form: capitalised, lists numbered, objects as JSON text; None is left out."""
    form: dict[str, str] = {}
    for name, value in values.items():
        key = name[:1].upper() + name[1:]
        if value is None:
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for number, entry in enumerate(value, 1):
                form |= {f"{key}.{number}.{inner}": text for inner, text in flattened(entry).items()}
        elif isinstance(value, bool):
            form[key] = str(value).lower()
        else:
            form[key] = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    return form


class Api:
    """The API as one workspace calls it."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._session = requests.Session()
        # Calls are signed: requests would put a password of ~/.netrc in the signature's place.
        self._session.auth = _as_signed

    def call(self, action: str, values: Mapping[str, Any]) -> Any:
        """Make a call and return the data of its answer.

        Args:
            action: Such as `PushSimple`.
            values: The parameters as the REST API spells them, but for `appId` and `workspaceId`.

        Raises:
            RefusedError: With the code of the answer.
            UnreachableError: The service does not answer as this API.
        """
        scope = {"appId": self._credentials.app_id, "workspaceId": self._credentials.workspace_id}
        body = urlencode(flattened(scope | dict(values))).encode()
        answer = self._post(self._credentials.http_url + "/", body, self._headers(action, body))
        return _data_of(answer)

    def push_file(self, path: Path, values: Mapping[str, Any]) -> Any:
        """Push to the targets of a file (`PushMultipleFile` of the REST API); return the ID of the task.

        Raises:
            RefusedError: With the code of the answer, or for want of a key.
            UnreachableError: The service does not answer as this API.
        """
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            query = {
                "appId": self._credentials.app_id,
                "workspaceId": self._credentials.workspace_id,
                "sha256": digest,
                "timestamp": str(time.time_ns() // 1_000_000),
                "nonce": secrets.token_hex(16),
            } | {name: _text(value) for name, value in values.items()}
            target = f"/api/v1/push/multiple/file?{urlencode(query)}"
            sign = {"sign": self._rsa_signature(target), "signType": "RSA"}
            file.seek(0)
            answer = self._post(
                f"{self._credentials.http_url}{target}&{urlencode(sign)}",
                file,
                {"content-type": "text/csv"},
                timeout=FILE_TIMEOUT_SECONDS,
            )
        if str(answer.get("code")) not in _SUCCESS:
            raise RefusedError(str(answer.get("code")), str(answer.get("message")))
        return answer.get("data")

    def _post(self, url: str, body: Any, headers: Mapping[str, str], timeout: int = TIMEOUT_SECONDS) -> dict[str, Any]:
        try:
            response = self._session.post(url, data=body, headers=dict(headers), timeout=timeout, allow_redirects=False)
            if response.is_redirect:  # a signature is of one address, and what is pushed is for nobody else
                raise UnreachableError(f"{self._credentials.http_url} redirects ({response.status_code}): see http_url")
            answer = response.json()
        except requests.JSONDecodeError:
            raise UnreachableError(
                f"{self._credentials.http_url} answered {response.status_code} without JSON"
            ) from None
        except requests.RequestException as error:
            raise UnreachableError(f"{self._credentials.http_url}: {type(error).__name__}") from None
        if not isinstance(answer, dict):
            raise UnreachableError(f"{self._credentials.http_url} does not answer as this API")
        return answer

    def _headers(self, action: str, body: bytes) -> dict[str, str]:
        """Return the headers of a call, signed."""
        digest = hashlib.sha256(body).hexdigest()
        headers = {
            "host": urlsplit(self._credentials.http_url).netloc,
            "x-acs-action": action,
            "x-acs-content-sha256": digest,
            "x-acs-date": datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "x-acs-signature-nonce": uuid.uuid4().hex,
            "x-acs-version": VERSION,
        }
        lines = "".join(f"{name}:{headers[name]}\n" for name in _SIGNED)
        canonical = "\n".join(["POST", "/", "", lines, ";".join(_SIGNED), digest])
        text = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.new(self._credentials.access_key_secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        headers["authorization"] = (
            f"ACS3-HMAC-SHA256 Credential={self._credentials.access_key_id},"
            f"SignedHeaders={';'.join(_SIGNED)},Signature={signature}"
        )
        headers["content-type"] = "application/x-www-form-urlencoded"
        headers["accept"] = "application/json"
        return headers

    def _rsa_signature(self, text: str) -> str:
        try:
            key = serialization.load_pem_private_key(self._credentials.rsa_private_key_pem.encode(), None)
        except (ValueError, TypeError):
            key = None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise RefusedError("no key", "files go over the REST API: rsa_private_key_pem is the key's text in PEM")
        return base64.urlsafe_b64encode(key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def _as_signed(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _data_of(answer: Mapping[str, Any]) -> Any:
    """Return the data of an answer of the RPC API.

    Raises:
        RefusedError: The answer is a refusal.
    """
    code = str(answer.get("ResultCode") or answer.get("Code") or "")
    if code not in _SUCCESS:
        raise RefusedError(code, str(answer.get("ResultMessage") or answer.get("Message") or ""))
    for wrapper in ("PushResult", "ResultContent"):
        inner = answer.get(wrapper)
        if isinstance(inner, dict):
            return inner.get("Data")
        if inner is not None:
            return inner
    return answer.get("Data")
