"""Wake the loader as soon as there is something to load, or somebody to ask."""

from __future__ import annotations

from pushcore.storage.wake import wake_task


def wake_loader() -> None:
    """Load what waits now; without a broker the periodic run does it."""
    wake_task("pushcore.load_messages")


def wake_asker() -> None:
    """Ask now whether pushes whose pace is a callback's may go on; without a broker the periodic run does it."""
    wake_task("pushcore.ask_pace_callbacks")
