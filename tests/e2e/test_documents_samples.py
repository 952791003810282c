"""The source document's sample programs (8.2) run against the service, and their messages reach a device.

The Python ones stand here as they are printed. The package of the printed Node ones is not published, so the same calls
are made with `@alicloud/pop-core`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import backends
from tests.e2e.database import Database
from tests.support.devices import PahoDevice
from tests.support.stack import Stack

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.usefixtures("templates")]

SIMPLE = """\
from aliyunsdkcore.client import AcsClient
from aliyunsdkmpaas.request.v20190821 import PushSimpleRequest
import json
# Initialize AcsClient instance
client = AcsClient(
"***",
"***",
"cn-hongkong"
);
# Initialize a request and set parameters
request = PushSimpleRequest.PushSimpleRequest()
request.set_endpoint("mpaas.cn-hongkong.aliyuncs.com")
request.set_AppId("ONEX570DA89211721")
request.set_WorkspaceId("test")
request.set_Title("Python test")
request.set_Content("Test 2")
request.set_DeliveryType(3)
request.set_TaskName("The test task of Python template push")
request.set_ExpiredSeconds(600)
target = {"user1024":str(time.time())}
request.set_TargetMsgkey(json.dumps(target))
# Print response
response = client.do_action_with_exception(request)
print response
"""

TEMPLATE = """\
from aliyunsdkcore.client import AcsClient
from aliyunsdkmpaas.request.v20190821 import PushTemplateRequest
import json
import time
# Initialize AcsClient instance
client = AcsClient(
"AccessKey ID",
"AccessKey Secret",
"cn-hongkong"
);
# Initialize a request and set parameters
request = PushTemplateRequest.PushTemplateRequest()
request.set_endpoint("mpaas.cn-hongkong.aliyuncs.com")
request.set_AppId("ONEX570DA89211721")
request.set_WorkspaceId("test")
request.set_TemplateName("template1024")
templatekv = {"name":"Bob","money":"200"}
request.set_TemplateKeyValue(json.dumps(templatekv))
request.set_DeliveryType(3)
request.set_TaskName("The test task of Python template push")
request.set_ExpiredSeconds(600)
target = {"userid1024":str(time.time())}
request.set_TargetMsgkey(json.dumps(target))
# Print response
response = client.do_action_with_exception(request)
print response
"""

MULTIPLE = """\
# -*- coding: utf8 -*from aliyunsdkcore.client import AcsClient
from aliyunsdkmpaas.request.v20190821 import PushMultipleRequest
import json
import time
# Initialize AcsClient instance
client = AcsClient(
"AccessKey ID",
"AccessKey Secret",
"cn-hongkong"
);
# Initialize a request and set parameters
request = PushMultipleRequest.PushMultipleRequest()
request.set_endpoint("mpaas.cn-hongkong.aliyuncs.com")
request.set_AppId("ONEX570DA89211721")
request.set_WorkspaceId("test")
request.set_TemplateName("template1024")
request.set_DeliveryType(3)
request.set_TaskName("The test task of Python template push")
request.set_ExpiredSeconds(600)
msgkey = str(time.time())
targets = [
{
"Target":"user1024",
"MsgKey": msgkey,
"TemplateKeyValue": {
"name":"Bob",
"money":"200"
}
}
]
 request.set_TargetMsgs(targets)
# Print response
response = client.do_action_with_exception(request)
print response
"""

BROADCAST = """\
# -*- coding: utf8 -*from aliyunsdkcore.client import AcsClient
from aliyunsdkmpaas.request.v20190821 import PushBroadcastRequest
import json
import time
# Initialize AcsClient instance
client = AcsClient(
"AccessKey ID",
"AccessKey Secret",
"cn-hongkong"
);
# Initialize a request and set parameters
request = PushBroadcastRequest.PushBroadcastRequest()
request.set_endpoint("mpaas.cn-hongkong.aliyuncs.com")
request.set_AppId("ONEX570DA89211720")
request.set_WorkspaceId("test")
request.set_TemplateName("broadcastTemplate")
 templatekv = {"content":"This is an announcement"}
request.set_TemplateKeyValue(json.dumps(templatekv))
request.set_DeliveryType(1)
request.set_TaskName("The test task of Python broadcast push")
request.set_ExpiredSeconds(600)
request.set_Msgkey(str(time.time()))
# Print response
response = client.do_action_with_exception(request)
print response
"""

# What printing did to the programs, and what Python 3 wants otherwise.
REPAIRS = (
    ("-*from", "-*-\nfrom"),
    ("\n ", "\n"),
    ("import json\n#", "import json\nimport time\n#"),
    ("print response", "print(response)"),
)
ENDPOINT = "mpaas.cn-hongkong.aliyuncs.com"
KEYS = re.compile(r'client = AcsClient\(\n".*",\n".*",\n')

NODE = """\
const { RPCClient } = require('@alicloud/pop-core');
const client = new RPCClient({
accessKeyId: 'accessKeyId',
accessKeySecret: 'accessKeySecret',
endpoint: 'http://mpaas.cn-hongkong.aliyuncs.com',
apiVersion: '2019-08-21'
});
const templatekv = {
name: 'Bob',
money:'300'
};
const extendedParam = {
test: 'Custom extension parameter'
};
const target = {
"userid1024": String(new Date().valueOf())
};
const params = {
WorkspaceId: "test",
TaskName: "Node test task",
ExpiredSeconds: 600,
ExtendedParams: JSON.stringify(extendedParam),
%s
};
client.request('%s', params, %s).then(res => {
console.log('SUCCESS', JSON.stringify(res));
}).catch(e => {
console.log('FAIL', e);
});
"""

NODE_PARAMS = {
    "PushSimple": """\
AppId: "ONEX570DA89211721", Title: "Node test", Content: "Test", DeliveryType: 3,
TargetMsgkey: JSON.stringify(target),""",
    "PushTemplate": """\
AppId: "ONEX570DA89211721", TemplateName: "template1024", TemplateKeyValue: JSON.stringify(templatekv),
DeliveryType: 3, TargetMsgkey: JSON.stringify(target),""",
    "PushMultiple": """\
AppId: "ONEX570DA89211721", TemplateName: "template1024", DeliveryType: 3,
TargetMsg: [{
Target: "userid1024", MsgKey: String(new Date().valueOf()), TemplateKeyValue: JSON.stringify(templatekv),
}],""",
    "PushBroadcast": """\
AppId: "ONEX570DA89211720", TemplateName: "broadcastTemplate", DeliveryType: 1,
TemplateKeyValue: JSON.stringify({ content: 'This is an announcement' }), Msgkey: String(new Date().valueOf()),""",
}

# The app of the broadcast samples, with a key for each API.
SECOND_APP = """
import json
from pushcore.security import crypto, keys
from pushcore.models import App, Workspace
app, _ = App.objects.get_or_create(app_id="ONEX570DA89211720", defaults={"name": "Broadcasts"})
plain = {"replay_protection": False}
workspace, _ = Workspace.objects.get_or_create(app=app, workspace_id="test", defaults=plain)
key, secret = keys.create_access_key(app, [workspace])
private, public = crypto.new_rsa_key()
keys.add_api_key(workspace, public)
print(json.dumps({
    "app_id": app.app_id, "client_key": workspace.client_key, "rsa_private_key_pem": private,
    "access_key_id": key.access_key_id, "access_key_secret": secret,
}))
"""

WINNING = "Congratulations to you for winning"
TEMPLATES: tuple[tuple[str, dict[str, str]], ...] = (
    ("ONEX570DA89211721", {
        "name": "template1024", "description": "a prize", "title": "Hello #name#",
        "body": f"{WINNING} RMB #money#.",
    }),
    ("ONEX570DA89211720", {
        "name": "broadcastTemplate", "description": "news", "title": "News", "body": "#content#",
    }),
)  # fmt: skip


@pytest.fixture(scope="module")
def apps(stack: Stack) -> dict[str, dict[str, str]]:
    """Return credentials by app ID."""
    printed = backends.run_in_service(stack, SECOND_APP)
    second = json.loads(printed.splitlines()[-1])
    return {app["app_id"]: app for app in (stack.demo, stack.demo | second)}


@pytest.fixture(scope="module")
def templates(stack: Stack, apps: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> None:
    """Create the templates that the programs use, through the REST API."""
    folder = tmp_path_factory.mktemp("keys")
    for app_id, template in TEMPLATES:
        body = {"appId": app_id, "workspaceId": "test"} | template
        made = backends.rest_signed_by_openssl(apps[app_id], "/api/v1/templates", body, folder)
        assert made["code"] == "100"


@pytest.fixture
def device_of(new_device: Callable[..., PahoDevice], apps: dict[str, dict[str, str]]) -> Callable[..., PahoDevice]:
    """Return a function that connects a device of a program's app, bound to the user it pushes to, if any."""

    def connect(program: str, user: str, transport: str = "tcp") -> PahoDevice:
        device = new_device(transport, app=apps[app_of(program)])
        if user:
            assert device.request("mps/bind", {"userId": user})["code"] == "100"
        return device

    return connect


def app_of(program: str) -> str:
    return re.findall(r"ONEX\w+", program)[0]


def run(command: list[str], **environment: str) -> dict[str, Any]:
    """Run a program; returns the answer it prints."""
    ran = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False)
    printed = re.search(r"(?:b'|SUCCESS )(\{.*\})", ran.stdout)
    assert printed, ran.stdout + ran.stderr
    return json.loads(printed[1])


def check_arrival(answer: dict[str, Any], device: PahoDevice, database: Database, title: str, content: str) -> None:
    """Check that the push was accepted, and its message reached the device and was acknowledged."""
    assert answer["ResultCode"] == "100", answer
    assert answer["PushResult"]["Success"] is True
    task = answer["PushResult"]["Data"]
    assert device.wait(lambda: task in [data["taskId"] for _, data, _ in device.received])
    [data] = [data for _, data, _ in device.received if data["taskId"] == task]
    assert (data["title"], data["content"]) == (title, content)
    assert database.wait_for_success(task)


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.parametrize(
    ("sample", "user", "title", "content"),
    [
        pytest.param(SIMPLE, "user1024", "Python test", "Test 2", id="simple"),
        pytest.param(TEMPLATE, "userid1024", "Hello Bob", f"{WINNING} RMB 200.", id="template"),
        pytest.param(MULTIPLE, "user1024", "Hello Bob", f"{WINNING} RMB 200.", id="multiple"),
        pytest.param(BROADCAST, "", "News", "This is an announcement", id="broadcast"),
    ],
)
def test_a_python_sample_reaches_a_device(
    stack: Stack, apps: dict[str, dict[str, str]], device_of: Callable[..., PahoDevice], database: Database,
    sample: str, user: str, title: str, content: str, transport: str,
) -> None:  # fmt: skip
    device, app = device_of(sample, user, transport), apps[app_of(sample)]
    program = sample.replace(ENDPOINT, backends.endpoint(app))
    for printed, meant in REPAIRS:
        program = program.replace(printed, meant)
    keys = f'client = AcsClient(\n"{app["access_key_id"]}",\n"{app["access_key_secret"]}",\n'
    program, replaced = KEYS.subn(lambda _: keys, program)
    assert replaced == 1
    check_arrival(run([stack.python, "-c", program]), device, database, title, content)


@pytest.mark.parametrize(
    ("action", "options", "user", "title", "content"),
    [
        ("PushSimple", "{ method: 'POST' }", "userid1024", "Node test", "Test"),
        ("PushSimple", "{}", "userid1024", "Node test", "Test"),  # a GET, the package's default
        ("PushTemplate", "{ method: 'POST' }", "userid1024", "Hello Bob", f"{WINNING} RMB 300."),
        ("PushMultiple", "{ method: 'POST' }", "userid1024", "Hello Bob", f"{WINNING} RMB 300."),
        ("PushBroadcast", "{ method: 'POST' }", "", "News", "This is an announcement"),
    ],
)
def test_a_node_sample_reaches_a_device(
    apps: dict[str, dict[str, str]], device_of: Callable[..., PahoDevice], database: Database, node_modules: Path,
    action: str, options: str, user: str, title: str, content: str,
) -> None:  # fmt: skip
    sample = NODE % (NODE_PARAMS[action], action, options)
    device, app = device_of(sample, user), apps[app_of(sample)]
    program = sample.replace(ENDPOINT, backends.endpoint(app)).replace("'accessKeyId'", f"'{app['access_key_id']}'")
    program = program.replace("'accessKeySecret'", f"'{app['access_key_secret']}'")
    check_arrival(run(["node", "-e", program], NODE_PATH=str(node_modules)), device, database, title, content)
