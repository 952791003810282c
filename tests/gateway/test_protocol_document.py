"""sdk/PROTOCOL.md and its schemas say what the code does: bind proofs, channels, examples."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pushcore.channels import third_channels
from pushcore.codes.results import ResultError
from pushcore.devices import registry
from pushcore.devices.client_bind import check_client_may_bind
from pushcore.devices.info import DeviceInfo
from pushcore.models import Device, Workspace
from pushcore.security import keys
from tests.support import device_schemas

DOCUMENT = device_schemas.SCHEMAS.parent / "PROTOCOL.md"
# How a program is run, and how its file is called.
LANGUAGES = {
    "python": (sys.executable, "bind_token.py"),
    "js": ("node", "bind_token.cjs"),
    "java": ("java", "BindToken.java"),
}


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


@pytest.mark.parametrize("path", sorted(device_schemas.SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_one_and_the_document_names_it(path: Path) -> None:
    validator = device_schemas.schema(path.stem)
    validator.check_schema(validator.schema)
    assert json.loads(path.read_text())["$id"] == path.name
    assert f"schemas/{path.name}" in DOCUMENT.read_text()


def test_the_documents_examples_are_as_the_schemas_say() -> None:
    config, message = (json.loads(block) for block in blocks("json"))
    device_schemas.check("config", config)
    device_schemas.check("message", message)
    table = dict(re.findall(r"^\| `(mps/\w+)` \| `POST [^|]+` \| `(.*?)`", DOCUMENT.read_text(), re.MULTILINE))
    assert len(table) == 7
    for topic, payload in table.items():
        device_schemas.check(topic.removeprefix("mps/"), json.loads(payload))


def test_the_document_has_the_vendors_channels_and_their_platforms() -> None:
    rows = set(re.findall(r"^\| (\d+) \| [\w ]+ \| `(\w+)` \|$", DOCUMENT.read_text(), re.MULTILINE))
    channels = [channel.description for channel in third_channels()]
    assert rows == {(str(one.number), one.platform.api_name) for one in channels if one.platform is not None}


@pytest.mark.django_db
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_backends_bind_proof_as_printed_is_accepted(language: str, workspace: Workspace, tmp_path: Path) -> None:
    program, name = LANGUAGES[language]
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    workspace.client_bind = Workspace.ClientBind.SIGNED
    workspace.save()
    access_key, secret = keys.create_access_key(workspace.app, [workspace])
    [(known, _)] = registry.register([(workspace, DeviceInfo())])
    [example] = blocks(language)
    (tmp_path / name).write_text(example)
    told = {
        "KEY_ID": access_key.access_key_id, "KEY_SECRET": secret, "USER_ID": "ann", "AD_TOKEN": known.ad_token,
    }  # fmt: skip
    done = subprocess.run(
        [program, str(tmp_path / name)], env={**os.environ, **told}, capture_output=True, text=True, check=True
    )
    proof, device = done.stdout.strip(), Device.objects.get(pk=known.id)
    check_client_may_bind(device, "ann", proof)
    for user, token in (("bob", proof), ("ann", f"{proof[:-4]}AAAA")):
        with pytest.raises(ResultError):
            check_client_may_bind(device, user, token)
