"""Why a notification cannot be sent to a vendor: raised before a call is made."""

from __future__ import annotations


class TooBigError(Exception):
    """What has to travel beside the text is larger than the vendor takes. The message is the vendor's code for it."""


class NotPossibleError(Exception):
    """The vendor's channel cannot do what the notification asks for."""
