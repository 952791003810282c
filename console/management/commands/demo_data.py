"""`mps demo_data`: two weeks of plausible traffic in the demo workspace."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from console.demo_data.fill import DemoDataError, fill


class Command(BaseCommand):
    """Fill the demo workspace."""

    help = (
        "Fill the demo workspace with two weeks of plausible traffic, once, so that every page of the console shows"
        " something. Refused where there are other apps than the demo. `make run` does so with MPS_DEMO_DATA=1."
    )

    def handle(self, *_: Any, **options: Any) -> None:
        """Fill, and say how much was made."""
        try:
            filled = fill(known_passwords=settings.ONLY_THIS_MACHINE)
        except DemoDataError as error:
            raise CommandError(str(error)) from None
        if filled.devices:
            self.stdout.write(f"made {filled.devices} devices, {filled.tasks} pushes and {filled.messages} messages")
        else:
            self.stdout.write("the demo data are there already")
