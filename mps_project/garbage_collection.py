"""Python's garbage collector in processes that run for long."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_while_loading() -> Iterator[None]:
    """Collect nothing while modules are loaded: what they make stays, and looking at it takes a fifth of the time."""
    gc.disable()
    try:
        yield
    finally:
        # What was loaded is looked at no more.
        gc.freeze()
        gc.enable()


def exempt_loaded_objects() -> None:
    """Keep all objects that live now out of every collection: they live as long as the process.

    New objects are collected less often: hardly anything that a request or a batch makes is cyclic garbage.
    To be called once everything is imported, in the process that does the work.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
