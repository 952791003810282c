"""Causes: why a message has its status, and what an operator does about it.

Vendors say the same thing with many codes. A status names its cause, and the cause says what to do, once for all.
"""

from __future__ import annotations

from enum import Enum

from django.utils.translation import gettext_noop as _


class Cause(Enum):
    """Why a message has a status; the value is the advice, in English, marked for translation."""

    DELIVERED = _("Nothing to do: the message was taken.")
    OFFLINE = _("Nothing to do: the message is delivered as soon as the device connects, while it is valid.")
    NOT_BOUND = _(
        "The message waits until the user logs in on a device, while it is valid. If the user has a device, compare "
        "the user ID with the one that the app binds (Query tool)."
    )
    VERIFICATION = _("Nothing to do: the message is sent once it is verified.")
    EXPIRED = _(
        "The devices were not reached while the push was valid. Give the next push a longer validity; if many devices "
        "expire although they are in use, check their connection in the Query tool."
    )
    REVOKED = _("Nothing to do: the push was revoked.")
    CAPPED = _(
        "Nothing to do: the category's frequency cap was reached. Send less often, or change the cap under Message "
        "categories."
    )
    NO_CONSENT = _("Nothing to do: the device refused marketing messages. Other categories still reach it.")
    DEAD_TOKEN = _(
        "Nothing to do for single devices: the app gets a new token when it is opened. If many devices say so, compare "
        "the app's vendor settings and environment with the account under Channels."
    )
    UNINSTALLED = _("Nothing to do: the app is no longer on the device.")
    UNREACHABLE = _("Nothing to do: the vendor could not reach the device. Push again later if it matters.")
    CREDENTIALS = _("Check the keys or the certificate of the account under Channels, then run its check.")
    WRONG_APP = _(
        "Compare bundle ID or package name, and the environment, of the vendor account with those of the app."
    )
    NOT_PERMITTED = _("Enable push for the app in the vendor's console, or ask the vendor why it is blocked.")
    QUOTA = _("Spread pushes over more time, or ask the vendor for a larger quota.")
    TOO_LARGE = _("Shorten title, text and extension parameters.")
    CONTENT = _("Change the text: the vendor does not accept what it says or how it is written.")
    PARAMETER = _("Check the options for the vendor's channel in the push: category, level, validity, parameters.")
    VENDOR_FAULT = _("A fault at the vendor: push again later. If it lasts, ask the vendor.")
    UNKNOWN = _("Look the code up in the vendor's documentation.")

    @property
    def advice(self) -> str:
        """What an operator does about it, in English."""
        return str(self.value)
