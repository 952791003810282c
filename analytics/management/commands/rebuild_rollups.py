"""`manage.py rebuild_rollups`: count messages and events anew, and mend the sums where they differ."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from analytics import rollups
from pushcore.channels import Channel

SHOWN = 100


class Command(BaseCommand):
    """Compare the sums with messages and events, and mend them."""

    help = "Prove that the analysis' sums equal what messages and events say, and mend them where they do not."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--check`."""
        parser.add_argument("--check", action="store_true", help="only say what differs; exits with 1 where any does")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print what differs, and mend it unless `--check` is given; exits with 1 where it is and something differs."""
        rollups.fold(budget_seconds=3600)
        differences = rollups.differences()
        for one in differences[:SHOWN]:
            self.stdout.write(
                f"{one.minute:%Y-%m-%d %H:%M} workspace {one.workspace_id} {one.kind} {Channel(one.channel).label}"
                f" {one.metric}: {one.summed} summed, {one.counted} counted"
            )
        if len(differences) > SHOWN:
            self.stdout.write(f"and {len(differences) - SHOWN} more")
        if not differences:
            self.stdout.write("no difference")
        elif options["check"]:
            sys.exit(1)
        else:
            self.stdout.write(f"{rollups.rebuild()} mended")
