"""Make a message fit a vendor's limit for its whole body: first its data, then its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from channels_vendor.base.custom_data import custom_data_of, fit_custom_data
from channels_vendor.base.delivery import Notification, Shown
from channels_vendor.base.payload_template import size_of
from channels_vendor.base.truncation import truncate_by


def fit(
    notification: Notification,
    make: Callable[[str, dict[str, str]], dict[str, Any]],
    *,
    text: str,
    message_id: str,
    msgkey: str,
    opened_by_vendor: bool,
    max_bytes: int,
) -> dict[str, Any] | None:
    """Return the body with as much of the text as there is room for; None where not even its mark fits.

    Args:
        notification: What is shown.
        make: Makes the body of a text and the data that the app gets.
        text: The text before it is cut.
        message_id: What the app gets as `k`, as in `custom_data_of`.
        msgkey: The caller's own ID of the message.
        opened_by_vendor: A tap opens the address without the app, which then can do without it.
        max_bytes: What the body takes at most, as JSON.
    """
    custom_data = fit_custom_data(
        custom_data_of(notification, message_id=message_id, msgkey=msgkey),
        opened_by_vendor=opened_by_vendor and not notification.silent,
        fits=lambda custom_data: size_of(make(text, custom_data)) <= max_bytes,
    )
    kept = truncate_by(text, lambda part: size_of(make(part, custom_data)), max_bytes)
    return None if kept is None else make(kept, custom_data)


def shown_by(fields: Mapping[str, Any]) -> Shown:
    """Return what a device shows of a body's `title`, `body` and `image`."""
    return Shown(fields["title"], fields["body"], image=fields.get("image", ""))
