"""The wheel holds all that the service needs, and its command works from any directory."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from honcho.environ import parse_procfile

# Building and installing take seconds: by one worker.
pytestmark = pytest.mark.xdist_group("wheel")

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("analytics", "channels_vendor", "console", "gateway", "mps_project", "pushcore", "sms")
# Sources of what the wheel has in another form.
NOT_INSTALLED = (".po", ".pyc")


def run(command: list[str], directory: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=directory, env=os.environ | variables, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy what the wheel is built from, since building leaves folders beside it."""
    source = tmp_path_factory.mktemp("source")
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "requirements.txt", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    return source


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "-w"]
    built = run([*build, str(directory), str(source)], directory)
    assert built.returncode == 0, built.stdout + built.stderr
    return next(directory.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into a folder; its dependencies are installed already."""
    directory = tmp_path_factory.mktemp("installed")
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--no-compile",
        "--target",
        str(directory),
    ]
    done = run([*install, str(wheel)], directory)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def test_the_wheel_has_every_file_of_every_package_and_no_other(source: Path, wheel: Path) -> None:
    expected = {
        str(path.relative_to(source))
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file() and path.suffix not in NOT_INSTALLED
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected
    assert {Path(name).suffix for name in found} >= {".py", ".html", ".js", ".css", ".mo"}


def test_the_wheel_requires_what_requirements_txt_pins(wheel: Path) -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pinned = {line.lower() for line in lines if line and not line.startswith("#")}
    with zipfile.ZipFile(wheel) as archive:
        [metadata] = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        described = archive.read(metadata).decode().splitlines()
    prefix = "Requires-Dist: "
    required = {line.removeprefix(prefix).lower() for line in described if line.startswith(prefix)}
    assert {line for line in required if "extra ==" not in line} == pinned


def test_the_installed_command_works_from_any_directory(installed: Path, tmp_path: Path) -> None:
    """It uses the installed templates, translations, static files and programs."""
    command = installed / "bin" / "mps"
    checked = run([sys.executable, str(command), "check"], tmp_path, PYTHONPATH=str(installed))
    assert (checked.returncode, checked.stdout) == (0, "System check identified no issues (0 silenced).\n"), checked
    code = (
        "from django.contrib.staticfiles.finders import find\n"
        "from django.template.loader import get_template\n"
        "from django.utils.translation import gettext, override\n"
        "from mps_project import run\n"
        "print(get_template('console/login.html').origin, find('console/css/base.css'), run.__file__)\n"
        "with override('zh-hans'):\n"
        "    print(gettext('Device simulator'))\n"
    )
    shown = run(
        [sys.executable, str(command), "shell", "--no-imports", "-c", code], tmp_path, PYTHONPATH=str(installed)
    )
    assert shown.returncode == 0, shown.stderr
    paths, translated = shown.stdout.splitlines()
    assert all(path.startswith(f"{installed}/") for path in paths.split())
    assert translated != "Device simulator"
    assert "web" in parse_procfile((installed / "mps_project/Procfile").read_text()).processes


def test_the_installed_launcher_refuses_a_faulty_configuration_in_one_line(installed: Path, tmp_path: Path) -> None:
    for command in (["run"], ["web"]):
        ended = run(
            [sys.executable, str(installed / "bin" / "mps"), *command],
            tmp_path,
            PYTHONPATH=str(installed),
            MPS_DATA_DIR=str(tmp_path / "var"),
            MPS_HTTP_PORT="http",
        )
        assert ended.returncode == 2
        assert ended.stderr.startswith("mps: MPS_HTTP_PORT='http' cannot be used")
