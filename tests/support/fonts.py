"""A font with Chinese characters, so that what a browser shows of the Chinese console can be looked at."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests.support.debian import install
from tests.support.stack import ROOT

PACKAGE = "fonts-wqy-zenhei"
_KEPT = ROOT / "var" / "tests" / PACKAGE
_CONFIGURATION = """\
<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <include ignore_missing="yes">/etc/fonts/fonts.conf</include>
  <dir>{directory}</dir>
</fontconfig>
"""


def chinese_font() -> dict[str, str]:
    """Make sure that there is a Chinese font; return the variables a browser needs to find it.

    Where the system has none, Debian's package is installed, or, without root, unpacked into `var/` and pointed at.
    Where that is not possible either, characters are shown as boxes, which no test looks at.
    """
    if _is_there({}) or install(PACKAGE) or shutil.which("apt-get") is None:
        return {}
    unpacked = {"FONTCONFIG_FILE": str(_KEPT / "fonts.conf")}
    if not _KEPT.exists():
        _unpack()
    return unpacked if _is_there(unpacked) else {}


def _is_there(environment: dict[str, str]) -> bool:
    if shutil.which("fc-list") is None:
        return False
    listed = subprocess.run(
        ["fc-list", ":lang=zh", "file"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return bool(listed.stdout.strip())


def _unpack() -> None:
    """Unpack the package into `var/`, as a whole or not at all."""
    _KEPT.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=_KEPT.parent) as directory:
        folder = Path(directory) / "font"
        folder.mkdir()
        subprocess.run(["apt-get", "download", PACKAGE], cwd=folder, capture_output=True, timeout=300, check=False)
        for package in folder.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, folder], capture_output=True, timeout=60, check=False)
        fonts = _KEPT / "usr" / "share" / "fonts"
        (folder / "fonts.conf").write_text(_CONFIGURATION.format(directory=fonts))
        if not _KEPT.exists():
            folder.rename(_KEPT)
