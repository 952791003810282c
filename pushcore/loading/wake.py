"""Wake the loader as soon as there is something to load."""

from __future__ import annotations

from pushcore.storage.wake import wake_task


def wake_loader() -> None:
    """Load what waits now; without a broker the periodic run does it."""
    wake_task("pushcore.load_messages")
