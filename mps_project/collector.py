"""Python's garbage collector in processes that run for long."""

from __future__ import annotations

import gc


def spare_what_is_loaded() -> None:
    """What lives at this point lives as long as the process: keep it out of every collection.

    What a request or a batch makes is looked at less often: hardly any of it is garbage in circles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
