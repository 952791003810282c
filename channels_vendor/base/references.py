"""Names that a message goes by at a vendor: on the screen, and in delivery reports.

One that is called alone goes by its own ID. Those of a task that share a call cannot be told apart in it: they go by
the task, in reports by the task and the device's token.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from pushcore.storage import ids


class Reference(NamedTuple):
    """A message, or a task: one of the two IDs is there."""

    message_id: int | None = None
    task_id: int | None = None

    @classmethod
    def of(cls, task_id: int, message_id: str) -> Reference:
        """Return the reference of a call. `message_id`: empty where several messages of the task share it."""
        return cls(message_id=int(message_id)) if message_id else cls(task_id=task_id)

    @classmethod
    def parse(cls, text: object) -> Reference:
        """Read what `str` made.

        Raises:
            ValueError: The text is not a reference of ours.
        """
        kind, number = str(text)[:1], ids.parse(str(text)[1:])
        if kind not in ("m", "t") or number is None:
            raise ValueError("not a reference of ours")
        return cls(message_id=number) if kind == "m" else cls(task_id=number)

    def __str__(self) -> str:
        """Return the reference as vendors carry it. At most 20 characters: Xiaomi and vivo take 64, OPPO 50."""
        return f"t{self.task_id}" if self.message_id is None else f"m{self.message_id}"

    @property
    def notify_id(self) -> int:
        """A positive 31-bit number: on the screen, what has the same one takes the other's place."""
        number = self.task_id if self.message_id is None else self.message_id
        return int.from_bytes(hashlib.blake2b(str(number).encode(), digest_size=4).digest()) % (2**31 - 1) + 1


def token_hash(token: str) -> int:
    """Return a device token as a signed 64-bit number, by which reports find what was sent to it."""
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), signed=True)
