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
    """Compare the sums with messages and events, and correct them."""

    help = "Recount the usage analysis from messages and events, and correct the sums that differ."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add `--check`."""
        parser.add_argument("--check", action="store_true", help="only list differences; exit with 1 if there are any")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the differences, and correct them unless `--check` is given; with it, exit with 1 if there are any."""
        rollups.fold(budget_seconds=3600)
        differences = rollups.differences()
        for one in differences[:SHOWN]:
            self.stdout.write(
                f"{one.minute:%Y-%m-%d %H:%M} workspace {one.workspace_id} {one.kind} {Channel(one.channel).label}"
                f" {one.name}: {one.summed} summed, {one.counted} counted"
            )
        if len(differences) > SHOWN:
            self.stdout.write(f"and {len(differences) - SHOWN} more")
        if not differences:
            self.stdout.write("no difference")
        elif options["check"]:
            sys.exit(1)
        else:
            self.stdout.write(f"{rollups.rebuild()} sums corrected")
