"""Render what a vendor would be sent, for dry runs: the adapter prepares its call, and nothing is called."""

from __future__ import annotations

from contextlib import ExitStack

from cryptography.fernet import InvalidToken

from channels_vendor.base.notifications import deliveries_of
from channels_vendor.dispatch.open_adapters import adapter_of
from channels_vendor.models import VendorAccount
from pushcore.channels import Channel
from pushcore.ports import OutgoingMessage, RenderedMessage


def render(outgoing: OutgoingMessage, channel: Channel) -> RenderedMessage:
    """Return the body of the call that would carry a message by its workspace's account.

    No credential is fetched: a body that carries one has it empty. One that is encrypted for the device is shown as it
    was before.
    """
    row = VendorAccount.objects.filter(workspace=outgoing.workspace_id, channel=channel).first()
    if row is None:
        return RenderedMessage(channel, "", "the workspace has no account of this vendor")
    with ExitStack() as opened:
        try:
            adapter = opened.enter_context(adapter_of(row))
        except (InvalidToken, ValueError):  # the text of what cannot be read is not repeated
            return RenderedMessage(channel, "", "the account's secrets cannot be read")
        requests, refused = adapter.prepare(deliveries_of([outgoing], channel), credential="")
    if refused:
        return RenderedMessage(channel, "", refused[0].vendor_code)
    return RenderedMessage(channel, (requests[0].plain or requests[0].call.body).decode())
