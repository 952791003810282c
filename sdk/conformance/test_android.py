"""The Android library, built and tested by Maven on Robolectric."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from conformance.sdks import ROOT, missing_programs

# What only other repositories than Maven's own serve, to some machines.
UNAVAILABLE = re.compile(r"Could not (?:find artifact|transfer artifact|resolve dependencies).*")


def maven(*arguments: str) -> None:
    program = shutil.which("mvn") or "mvn"
    done = subprocess.run([program, "-B", "-q", *arguments], cwd=ROOT, capture_output=True, text=True, env=os.environ)
    if done.returncode != 0:
        if found := UNAVAILABLE.search(done.stdout):
            pytest.skip(found[0])
        pytest.fail(done.stdout[-3000:])


@pytest.fixture(scope="module")
def archive() -> Path:
    """Build the library, with its tests; returns the archive that apps use."""
    if reason := missing_programs("java", "mvn"):
        pytest.skip(reason)
    maven("-f", "java/pom.xml", "-DskipTests", "install")
    maven("-f", "android/pom.xml", "package")
    return ROOT / "android" / "target" / "mps-device-android.aar"


def test_the_archive_has_what_an_app_needs(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    assert {"AndroidManifest.xml", "classes.jar", "libs/mps-device.jar", "proguard.txt", "R.txt"} <= names
    assert {"res/xml/mps_backup_rules.xml", "res/xml/mps_data_extraction_rules.xml"} <= names
