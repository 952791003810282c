"""The Android library, built and tested by Maven on Robolectric."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from conformance import toolchain
from conformance.sdks import ROOT, missing_programs


@pytest.fixture(scope="module")
def archive() -> Path:
    """Build the library, with its tests; returns the archive that apps use."""
    if reason := missing_programs("java", "mvn"):
        pytest.skip(reason)
    toolchain.run(["mvn", "-B", "-q", "-f", "java/pom.xml", "-DskipTests", "install"])
    toolchain.run(["mvn", "-B", "-q", "-f", "android/pom.xml", "package"])
    return ROOT / "android" / "target" / "mps-device-android.aar"


def test_the_archive_has_what_an_app_needs(archive: Path) -> None:
    with zipfile.ZipFile(archive) as opened:
        names = set(opened.namelist())
    assert {"AndroidManifest.xml", "classes.jar", "libs/mps-device.jar", "proguard.txt", "R.txt"} <= names
    assert {"res/xml/mps_backup_rules.xml", "res/xml/mps_data_extraction_rules.xml"} <= names
