"""Trouble on the way to a vendor that is known before anything is sent."""

from __future__ import annotations


class TooBigError(Exception):
    """What has to travel beside the text is larger than the vendor takes. The message: the vendor's code for it."""


class NotPossibleError(Exception):
    """The vendor's channel cannot do what the notification asks for."""
