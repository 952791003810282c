"""The package can be built, is typed and needs one other package."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mps_device

# Building takes seconds: by one worker.
pytestmark = pytest.mark.xdist_group("wheel")

ROOT = Path(__file__).resolve().parent.parent


def test_the_wheel_has_the_package_its_types_and_one_requirement(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build"))
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w"]
    subprocess.run([*build, str(tmp_path), str(source)], check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("mps_device-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        [metadata] = [name for name in names if name.endswith("/METADATA")]
        described = archive.read(metadata).decode()
    modules = {f"mps_device/{path.name}" for path in (ROOT / "src" / "mps_device").iterdir() if path.is_file()}
    assert {name for name in names if ".dist-info/" not in name} == modules
    assert "mps_device/py.typed" in modules
    assert re.findall(r"^Requires-Dist: (.*)$", described, re.MULTILINE) == ["paho-mqtt<3,>=2.1"]
    assert f"\nVersion: {mps_device.__version__}\n" in described


def test_everything_public_is_documented() -> None:
    for name in mps_device.__all__:
        thing = getattr(mps_device, name)
        assert thing.__doc__, name
        for member, value in vars(thing).items():
            if not member.startswith("_") and callable(value):
                assert value.__doc__, f"{name}.{member}"
