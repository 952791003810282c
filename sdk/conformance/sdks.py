"""The SDKs that the suite judges, and how each one's agent is built and run."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AGENTS = ROOT / "conformance" / "agents"
JAVA = ROOT / "java" / "target"
JAVASCRIPT = ROOT / "js"


def missing_programs(*names: str) -> str:
    """Return which of some programs this machine lacks, as a sentence; empty where it has all."""
    missing = [name for name in names if shutil.which(name) is None]
    return f"{' and '.join(missing)} not found" if missing else ""


@dataclass(frozen=True)
class Sdk:
    """An SDK.

    Attributes:
        name: Its name in the table of results, and of `--sdk`.
        command: What runs its agent.
        environment: Variables of the agent beside those of the tests.
        build: What makes the agent; run once before it.
        host: A program in which all agents live, if there is one. It gets the path of a UNIX socket, prints a line once
            it listens there, and ends with its standard input; agents find the path in the variable `AGENT_HOST`.
        shares_store: Whether programs on one store are one device that all of them show, as the tabs of a browser.
        missing: Returns why it cannot be built or run on this machine; empty if it can.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    build: Sequence[Sequence[str]] = ()
    host: Sequence[str] = ()
    shares_store: bool = False
    missing: Callable[[], str] = lambda: ""

    def variables(self) -> dict[str, str]:
        """Return the environment of the agent."""
        return os.environ | self.environment


BUILD_JAVASCRIPT = [
    ["npm", "--prefix", str(JAVASCRIPT), "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
    ["npm", "--prefix", str(JAVASCRIPT), "run", "build"],
]
# With its own tests; the Android library takes it from Maven's local repository.
BUILD_JAVA = [["mvn", "-B", "-q", "-f", "java/pom.xml", "install"]]
SDKS = [
    Sdk(
        "python",
        command=[sys.executable, str(AGENTS / "python_agent.py")],
        environment={"PYTHONPATH": str(ROOT / "python" / "src")},
    ),
    Sdk(
        "js",
        command=["node", str(AGENTS / "javascript_agent.mjs")],
        build=BUILD_JAVASCRIPT,
        missing=lambda: missing_programs("node", "npm"),
    ),
    Sdk(
        "js-chromium",
        command=[sys.executable, "-I", "-S", str(AGENTS / "chromium_agent.py")],
        environment={"PYTHONPATH": str(ROOT.parent)},
        build=BUILD_JAVASCRIPT,
        host=[sys.executable, str(AGENTS / "chromium_host.py")],
        shares_store=True,
        missing=lambda: missing_programs("node", "npm", "chromium"),
    ),
    Sdk(
        "java",
        # Agents live for seconds: the first compiler is enough for them.
        command=[
            "java",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UseSerialGC",
            "-cp",
            os.pathsep.join(str(JAVA / name) for name in ("mps-device.jar", "mps-device-tests.jar")),
            "mps.device.ConformanceAgent",
        ],
        build=BUILD_JAVA,
        missing=lambda: missing_programs("java", "mvn"),
    ),
]


def chosen_from(names: str) -> list[Sdk]:
    """Return the SDKs that the option `--sdk` names, all of them for `all`."""
    return [one for one in SDKS if names == "all" or one.name in names.split(",")]
