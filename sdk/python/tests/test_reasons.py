"""What the client does after each code is what PROTOCOL.md says."""

from __future__ import annotations

import re
from pathlib import Path

from mps_device.reasons import Action, of_connack, of_disconnect

PROTOCOL = Path(__file__).resolve().parents[2] / "PROTOCOL.md"
# How the document's third or fourth column begins.
ACTIONS = {
    "`refused`": Action.REFUSED,
    "register again": Action.REGISTER_AGAIN,
    "back off": Action.RETRY,
    "slow": Action.SLOW,
    "`replaced`": Action.REPLACED,
    "forget Ad-token": Action.REGISTER_ANEW,
}


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table below a heading."""
    text = PROTOCOL.read_text().split(f"### {heading}\n", 1)[1].split("\n### ", 1)[0]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"][2:]


def actions(heading: str) -> list[tuple[int | None, str, Action]]:
    """Return code, meaning and action of each row; code None for those that are not listed."""
    found = []
    for cells in rows(heading):
        wanted = next((action for start, action in ACTIONS.items() if cells[-1].startswith(start)), None)
        codes = [int(code, 16) for code in re.findall(r"0x(\w\w)", cells[0])]
        if wanted is not None:
            listed: list[int | None] = [*codes] or ([None] if cells[0] == "others" else [])
            found += [(code, cells[-2], wanted) for code in listed]
    return found


def test_after_each_CONNACK() -> None:
    listed = actions("After a CONNACK")
    assert len(listed) > 10
    for code, meaning, action in listed:
        registering = code != 0x86 or meaning.startswith("registering")
        assert of_connack(0xFE if code is None else code, registering=registering).action is action, code


def test_after_each_DISCONNECT() -> None:
    listed = actions("After a DISCONNECT")
    assert len(listed) > 10
    for code, _, action in listed:
        assert of_disconnect(0xFE if code is None else code).action is action, code
    assert of_disconnect(None).action is Action.RETRY
