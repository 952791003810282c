"""The vendors that the contract suite runs for: the `SAMPLES` of each module here."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from tests.channels_vendor.samples.sample import Sample

__all__ = ["SAMPLES", "Sample"]

SAMPLES: list[Sample] = [
    sample
    for module in pkgutil.iter_modules(__path__)
    if module.name != "sample"
    for sample in import_module(f"{__name__}.{module.name}").SAMPLES
]
