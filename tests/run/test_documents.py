"""What the documents name exists in the code: paths, modules, classes, tests, and linked files."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("analytics", "bench", "channels_vendor", "console", "gateway", "mps_project", "pushcore", "sms", "tests")
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *ROOT.glob("docs/*.md"),
        *ROOT.glob("deploy/*.md"),
        *ROOT.glob("sdk/*.md"),
    ]
)
# For developers of apps, whose code is not this project's.
CLIENT_DOCUMENTS = sorted(ROOT.glob("docs/clients/*.md"))
# Packages that Django asks for, which the tree of packages does not show.
DJANGOS = {"formats", "management", "migrations", "templatetags"}
CODE = re.compile(rf"`((?:{'|'.join(PACKAGES)})[/.][\w./]*[\w/])`")
# Another file by its path, and a file by its name alone, such as `test_operations.py`.
PATH = re.compile(r"`((?:docs|deploy|sdk|\.ci)/[\w./-]*)`")
FILE_NAME = re.compile(r"`([\w-][\w.-]*\.(?:py|sql|md|html|css|js|yml|toml|txt|po))`")
# A function or class by its module's own name, such as `dispatch.to_lanes`.
SHORT = re.compile(r"`([a-z_]+)\.(?!py`|json`|sql`)(\w+)(?:\([^`]*\))?`")
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")


@cache
def file_names() -> set[str]:
    """Return the names of the project's files, whatever folder they are in."""
    folders = [ROOT / folder for folder in (*PACKAGES, "docs", "deploy", "sdk")]
    return {path.name for folder in folders for path in folder.rglob("*.*")} | {path.name for path in ROOT.iterdir()}


@cache
def names_of(module: Path) -> set[str]:
    """Return what a module defines or imports at its top level, and members of its classes as `Class.member`."""
    names: set[str] = set()
    for node in ast.parse(module.read_text()).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name for alias in node.names}
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{member.name}" for member in node.body if isinstance(member, ast.FunctionDef)}
    return names


def is_there(name: str) -> bool:
    """Tell whether `package/path.py`, `package.module` or `package.module.Class.member` exists."""
    if "/" in name:
        return (ROOT / name).exists()
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        path, rest = ROOT.joinpath(*parts[:length]), ".".join(parts[length:])
        module = path.with_suffix(".py")
        if module.exists() or (module := path / "__init__.py").exists():
            return not rest or rest in names_of(module)
    return False


@pytest.mark.parametrize("document", [*DOCUMENTS, *CLIENT_DOCUMENTS], ids=lambda document: document.name)
def test_everything_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    assert [name for name in CODE.findall(text) if not is_there(name)] == []
    assert [link for link in LINK.findall(text) if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_what_a_document_names_by_its_name_alone_exists(document: Path) -> None:
    assert [path for path in PATH.findall(document.read_text()) if not (ROOT / path).exists()] == []
    assert [name for name in FILE_NAME.findall(document.read_text()) if name not in file_names()] == []
    missing = []
    for module, name in SHORT.findall(document.read_text()):
        paths = [path for package in PACKAGES for path in (ROOT / package).rglob(f"{module}.py")]
        if paths and module not in PACKAGES and not any(name in names_of(path) for path in paths):
            missing.append(f"{module}.{name}")
    assert missing == []


def packages_of_the_tree() -> set[str]:
    """Return the paths in the tree of packages: a name is indented below the folder it is in."""
    tree = (ROOT / "docs/architecture.md").read_text().partition("## Packages\n\n```\n")[2].partition("```")[0]
    paths: set[str] = set()
    folder = ""
    for line in tree.splitlines():
        [names] = re.findall(r"^ *((?:[\w.]+(?:/|\.py) )+)", line)
        if not line.startswith(" "):
            folder = names.strip()
            paths.add(folder)
        else:
            paths |= {folder + name for name in names.split()}
    return paths


def test_the_tree_of_packages_is_that_of_the_code() -> None:
    named = packages_of_the_tree()
    assert {path for path in named if not (ROOT / path).exists()} == set()
    for top in (path for path in named if path.count("/") == 1 and (ROOT / path).is_dir()):
        for module in (ROOT / top).glob("*/__init__.py"):
            package = module.parent
            if package.name not in DJANGOS and not (package / "vendor.py").exists():
                assert f"{top}{package.name}/" in named
