"""Options of the SDKs' tests: `--sdk python,js` chooses SDKs, `--sdk all` takes all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.sdks import ROOT, SDKS, chosen_from

# Packages without an agent of their own, by the SDK that they are built on.
BUILT_ON = {"android": "java"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    parser.addoption("--sdk", default="python", help="SDKs whose tests and scenarios run, or `all`")
    parser.addoption("--write-results", action="store_true", help="write sdk/conformance/RESULTS.md")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leave out the tests of an SDK that is not chosen: those in its folder, and such as `conformance/test_java.py`."""
    left_out = {one.name for one in SDKS} - {one.name for one in chosen_from(config.getoption("--sdk"))}
    folder, *_ = collection_path.relative_to(ROOT).parts or ("",)
    packages = {folder, collection_path.stem.removeprefix("test_")}
    return True if left_out & {BUILT_ON.get(package, package) for package in packages} else None
