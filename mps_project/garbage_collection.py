"""Python's garbage collector in processes that run for long."""

from __future__ import annotations

import gc


def exempt_loaded_objects() -> None:
    """Keep all objects that live now out of every collection: they live as long as the process.

    New objects are collected less often: hardly anything that a request or a batch makes is cyclic garbage.
    To be called once everything is imported, in the process that does the work.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
