"""The one error of embedded engines."""

from __future__ import annotations


class EngineError(Exception):
    """An embedded engine cannot be started. The message is one line."""
