"""`mps vendor check`: what is wrong with the vendors' accounts. `mps vendor test`: one notification to a token."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from channels_vendor.accounts.checking import problems, send_test_notification
from channels_vendor.base.outcomes import Verdict
from channels_vendor.models import VendorAccount
from pushcore.channels import Channel, third_channels


class Command(BaseCommand):
    """Check vendor accounts, or send a test notification."""

    help = "Check vendor accounts, or send a test notification."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the two subcommands."""
        commands = parser.add_subparsers(dest="command", required=True)
        commands.add_parser("check", help="Check every account; no notification is sent.")
        test = commands.add_parser("test", help="Send one notification to a device's token.")
        test.add_argument("workspace", help="APP_ID-WORKSPACE_ID")
        test.add_argument("vendor", choices=[channel.label for channel in third_channels()])
        test.add_argument("token")

    def handle(self, *_: Any, **options: Any) -> None:
        """Check all accounts, or send a test message.

        Raises:
            CommandError: An account has a problem, or the vendor did not accept the message.
        """
        if options["command"] == "check":
            self._check()
        else:
            self._test(options["workspace"], options["vendor"], options["token"])

    def _check(self) -> None:
        """Say of each account what is wrong. Raises `CommandError` where an account has a problem."""
        wrong = 0
        for row in VendorAccount.objects.select_related("workspace__app").order_by("workspace", "channel"):
            reasons = problems(row)
            wrong += bool(reasons)
            name = f"{row.workspace.app.app_id}-{row.workspace.workspace_id} {Channel(row.channel).label}"
            self.stdout.write(f"{name}: {'; '.join(reasons) or 'ok'}")
        if wrong:
            raise CommandError(f"{wrong} of the accounts need attention")

    def _test(self, workspace: str, vendor: str, token: str) -> None:
        channel = next(channel for channel in third_channels() if channel.label == vendor)
        app_id, _, workspace_id = workspace.partition("-")
        row = VendorAccount.objects.filter(
            workspace__app__app_id=app_id, workspace__workspace_id=workspace_id, channel=channel
        ).first()
        if row is None:
            raise CommandError("the workspace has no account there")
        try:
            outcome = send_test_notification(row, token)
        except ValueError as error:
            raise CommandError(str(error)) from None
        result = f"{outcome.verdict.name}: {outcome.vendor_id or outcome.vendor_code}"
        if outcome.verdict is not Verdict.ACCEPTED:
            raise CommandError(result)
        self.stdout.write(result)
