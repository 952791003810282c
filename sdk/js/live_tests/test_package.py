"""The package can be built and packed, its own tests pass, and the console has the bundle that is built from it."""

from __future__ import annotations

import json
import subprocess
import tarfile
from pathlib import Path

from tests.support.stack import ROOT

SDK = ROOT / "sdk" / "js"
CONSOLE = ROOT / "console" / "static" / "console" / "vendor"


def test_the_packages_own_tests_pass(packed: Path) -> None:
    for command in (["npx", "--no-install", "tsc", "-p", "tests"], ["node", "--test", "build/tests/"]):
        ran = subprocess.run(
            command, cwd=packed / "sdk" / "js", capture_output=True, text=True, timeout=240, check=False
        )
        assert ran.returncode == 0, f"{ran.stdout[-6000:]}{ran.stderr}"


def test_the_package_has_its_modules_with_types_and_one_dependency(packed: Path) -> None:
    [package] = packed.glob("*.tgz")
    with tarfile.open(package) as archive:
        names = {name.removeprefix("package/") for name in archive.getnames()}
        file = archive.extractfile("package/package.json")
        assert file is not None
        described = json.load(file)
    assert {"README.md", "CHANGELOG.md", "LICENSES.md", "dist/mps-device.min.js"} <= names
    entries = [*described["exports"]["."].values(), described["exports"]["./core"]]
    for entry in entries:
        assert {entry["types"].removeprefix("./"), entry["default"].removeprefix("./")} <= names
    assert list(described["dependencies"]) == ["mqtt"]
    assert not [name for name in names if name.startswith(("src/", "tests/", "build/"))]


def test_the_console_has_the_bundle_that_is_built_from_the_sources(packed: Path) -> None:
    """After a change: `make sdk-js-bundle`."""
    version = json.loads((SDK / "package.json").read_text())["version"]
    built, committed = packed / "sdk/js/dist/mps-device.min.js", CONSOLE / f"mps-device-{version}.min.js"
    assert built.read_bytes() == committed.read_bytes()
    assert (SDK / "LICENSES.md").read_bytes() == (CONSOLE / "mps-device-LICENSES.md").read_bytes()
    assert [path.name for path in CONSOLE.glob("mps-device-*.min.js")] == [committed.name]


def test_the_lock_file_names_no_registry() -> None:
    locked = json.loads((SDK / "package-lock.json").read_text())
    assert not [name for name, package in locked["packages"].items() if "resolved" in package]
