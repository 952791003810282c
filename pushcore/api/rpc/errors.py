"""Failures of the RPC API itself, before an operation runs: HTTP 4xx with a code the client packages raise."""

from __future__ import annotations


class RpcError(Exception):
    """A call that reached no operation, answered as `{"RequestId", "HostId", "Code", "Message"}`.

    Attributes:
        status: The HTTP status.
        retry_after: Seconds, for the header `Retry-After`; 0 for none.
    """

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after


def missing(name: str) -> RpcError:
    """Return the error of a parameter or header that is left out."""
    return RpcError(400, f"Missing{name}", f"{name} is mandatory for this action.")


def unknown_key() -> RpcError:
    """Return the error of an access key that does not exist."""
    return RpcError(404, "InvalidAccessKeyId.NotFound", "The specified access key is not found.")


def inactive_key() -> RpcError:
    """Return the error of a disabled access key."""
    return RpcError(403, "InvalidAccessKeyId.Inactive", "The specified access key is disabled.")


def wrong_signature(string_to_sign: str) -> RpcError:
    """Return the error of a signature that is not of this text."""
    # The 2019 package reads what stands behind the first colon and compares it with its own string to sign.
    return RpcError(
        400,
        "SignatureDoesNotMatch",
        f"The signature does not match our calculation. server string to sign is:{string_to_sign}",
    )


def wrong_body_hash() -> RpcError:
    """Return the error of a body that is not the one whose hash was signed."""
    return RpcError(400, "SignatureDoesNotMatch", "x-acs-content-sha256 is not the hash of the body:body")


def unsupported_signature() -> RpcError:
    """Return the error of a signature method or version that is not supported."""
    return RpcError(400, "UnsupportedSignatureMethod", "SignatureMethod or SignatureVersion is not supported.")


def bad_timestamp() -> RpcError:
    """Return the error of a timestamp that is no time."""
    return RpcError(400, "InvalidTimeStamp.Format", "The timestamp is not an ISO 8601 time in UTC.")


def expired_timestamp() -> RpcError:
    """Return the error of a timestamp too far from now."""
    return RpcError(400, "InvalidTimeStamp.Expired", "The timestamp is more than 15 minutes off.")


def used_nonce() -> RpcError:
    """Return the error of a nonce that was used before."""
    return RpcError(400, "SignatureNonceUsed", "The signature nonce was used already.")


def unknown_action(action: str) -> RpcError:
    """Return the error of an action that no API version has."""
    return RpcError(404, "InvalidAction.NotFound", f"The action {action[:64]} is not found.")


def unknown_version(version: str) -> RpcError:
    """Return the error of an API version that does not exist, or has no such action."""
    return RpcError(400, "InvalidVersion", f"The version {version[:32]} is not valid for this action.")


def forgotten_nonce() -> RpcError:
    """Return the error of a call signed before Valkey had all nonces. The packages sign it again."""
    message = "The call was signed before used nonces were kept; sign it again."
    return RpcError(503, "ServiceUnavailable", message, retry_after=1)


def wrong_method(method: str) -> RpcError:
    """Return the error of an HTTP method other than GET and POST."""
    return RpcError(405, "UnsupportedHTTPMethod", f"The method {method[:16]} is not supported.")


def body_too_large() -> RpcError:
    """Return the error of a body beyond `MAX_BODY_BYTES`."""
    return RpcError(413, "RequestEntityTooLarge", "The request body is too large.")


def bad_encoding() -> RpcError:
    """Return the error of parameters that cannot be decoded, or are too many."""
    return RpcError(400, "InvalidParameter.Encoding", "The parameters are not form-encoded UTF-8.")


def unavailable() -> RpcError:
    """Return the error of a database or Valkey that is away."""
    return RpcError(503, "ServiceUnavailable", "The service is temporarily unavailable; try again.")


def throttled(retry_after: int) -> RpcError:
    """Return the error of a caller over its rate or quota; `retry_after` in seconds."""
    return RpcError(429, "Throttling.User", "The access key is over its rate; try again later.", retry_after)
