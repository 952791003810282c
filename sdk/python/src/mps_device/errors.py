"""What the client raises."""

from __future__ import annotations


class PushError(Exception):
    """Base of all errors of this package."""


class ConfigError(PushError):
    """The configuration is incomplete or cannot be read; the message names the field."""


class StoreInUseError(PushError):
    """Another client has the store open: one store is one device, so two must not use it at once."""


class ConsentError(PushError):
    """The client was started without the user's consent."""


class NotRunningError(PushError):
    """The request needs a running client: it was not started, was stopped, or makes no more attempts (`State`)."""


class RefusedError(PushError):
    """The service refused a request.

    Attributes:
        code: The service's result code.
        name: Its name, such as `SIGNATURE_MISMATCH`.
    """

    def __init__(self, code: int, name: str, message: str) -> None:
        super().__init__(f"{name} ({code}): {message}")
        self.code = code
        self.name = name
