"""Rows of the error tables of vendors that have numbered codes."""

from __future__ import annotations

from channels_vendor.base.outcomes import Action, AnswerRule


def rules_for(
    action: Action, *codes: int, status: int | None = None, wait: float | None = None
) -> dict[str, AnswerRule]:
    """Return the rows of codes that ask for the same action.

    Args:
        action: What follows.
        codes: The vendor's codes.
        status: The message's status code; None where each code is its own.
        wait: Seconds until the next attempt.
    """
    return {str(code): AnswerRule(action, code if status is None else status, wait) for code in codes}
