"""A good request for each action, as the REST API takes it. Template `hello` has the placeholder `#name#`.

Requests that name a task or a schedule are made where there is one (`test_operations.py`).
"""

from __future__ import annotations

from typing import Any

SCOPE: dict[str, Any] = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
COMMON = SCOPE | {"taskName": "task", "deliveryType": 3, "expiredSeconds": 300}
TARGET = {"target": "ann", "msgKey": "k1", "templateKeyValue": {"name": "Ann"}}
REQUESTS: dict[str, dict[str, Any]] = {
    "PushSimple": COMMON | {"title": "Title", "content": "Content", "targetMsgkey": {"ann": "k1"}},
    "PushTemplate": COMMON | {
        "templateName": "hello", "templateKeyValue": {"name": "Ann"}, "targetMsgkey": {"ann": "k1"},
    },
    "PushMultiple": COMMON | {"templateName": "hello", "targetMsg": [TARGET]},
    "PushBroadcast": COMMON | {
        "deliveryType": 1, "templateName": "hello", "templateKeyValue": {"name": "Ann"}, "msgkey": "k1",
    },
    "PushToAudience": SCOPE | {
        "taskName": "task", "condition": {"platform": "android"}, "msgkey": "k1", "title": "Title",
        "content": "Content", "expiredSeconds": 300,
    },
    "CreateTemplate": SCOPE | {"name": "second", "description": "d", "title": "Hello #name#", "body": "Body"},
    "PushBind": SCOPE | {"userId": "ann", "deliveryToken": "apns-token", "osType": 2},
    "PushUnBind": SCOPE | {"userId": "ann", "deliveryToken": "apns-token"},
    "PushReport": SCOPE | {
        "deliveryToken": "apns-token", "osType": 2, "thirdChannel": 2, "thirdChannelDeviceToken": "apns-token",
    },
    "PushQueryDeviceState": SCOPE | {"target": "ann", "targetType": 2},
    "PushUpdateTags": SCOPE | {"targets": '["ann", "bob"]', "targetType": 2, "add": '["vip"]'},
    "PushUpdateTopics": SCOPE | {"targets": '["ann"]', "targetType": 2, "set": '["news"]'},
    "PushUpdateAttributes": SCOPE | {"targets": '["ann"]', "targetType": 2, "attributes": {"age": 30}},
    "PushUpdateConsent": SCOPE | {"targets": '["ann"]', "targetType": 2, "marketingConsent": False},
    "PushSetAliases": SCOPE | {"aliases": {"ann@example.com": "ann"}},
    "PushQueryProfile": SCOPE | {"target": "ann", "targetType": 2},
    "PushQueryAudienceNames": SCOPE,
    "PushRemoveAudienceNames": SCOPE | {"tags": '["trial"]'},
    "PushCreateSegment": SCOPE | {"segmentName": "phones", "condition": {"platform": "ios"}},
    "PushQuerySegments": SCOPE,
    "PushQueryInbox": SCOPE | {"target": "ann", "targetType": 2},
    "PushUpdateInbox": SCOPE | {"target": "ann", "targetType": 2, "readAll": True},
    "PushCreateWebhook": SCOPE | {"url": "https://shop.example/hooks", "eventTypes": '["user.bound"]'},
    "PushQueryWebhooks": SCOPE,
    "PushExportUser": SCOPE | {"userId": "ann"},
    "PushEraseUser": SCOPE | {"userId": "ann"},
    "PushCountAudience": SCOPE | {"condition": {"platform": "ios"}},
}  # fmt: skip
