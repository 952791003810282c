"""An example of each operation: a request as the REST door takes it, and what its answer holds in `data`."""

from __future__ import annotations

from typing import Any

_SCOPE = {"appId": "ONEX570DA89211721", "workspaceId": "test"}
_TASK = "456289270133424129"
_COMMON = {"taskName": "june offers", "deliveryType": 3, "expiredSeconds": 600}
_TEMPLATE = {"templateName": "offer", "templateKeyValue": {"name": "Ann", "percent": "20"}}
_DAY = {"startTime": 1767225600000, "endTime": 1767311999000}

# Action -> (request, data of the answer).
EXAMPLES: dict[str, tuple[dict[str, Any], Any]] = {
    "PushSimple": (
        _SCOPE
        | _COMMON
        | {
            "title": "Hello",
            "content": "Your parcel is on its way",
            "targetMsgkey": {"user1024": "1578807462788"},
            "extendedParams": {"orderId": "42"},
            "uri": "https://example.com/orders/42",
        },
        _TASK,
    ),
    "PushTemplate": (_SCOPE | _COMMON | _TEMPLATE | {"targetMsgkey": {"user1024": "1578807462789"}}, _TASK),
    "PushMultiple": (
        _SCOPE
        | _COMMON
        | {
            "templateName": "offer",
            "targetMsg": [
                {
                    "target": "user1024",
                    "msgKey": "1578807462790",
                    "templateKeyValue": {"name": "Ann", "percent": "20"},
                    "extendedParams": {"coupon": "A20"},
                },
                {
                    "target": "user1025",
                    "msgKey": "1578807462791",
                    "templateKeyValue": {"name": "Bob", "percent": "15"},
                },
            ],
        },
        _TASK,
    ),
    "PushBroadcast": (
        _SCOPE | _COMMON | _TEMPLATE | {"deliveryType": 1, "msgkey": "1578807462792", "strategyType": 0},
        _TASK,
    ),
    "PushBind": (_SCOPE | {"userId": "user1024", "deliveryToken": "Zx3f9dQ2c0", "osType": 1}, None),
    "PushUnBind": (_SCOPE | {"userId": "user1024", "deliveryToken": "Zx3f9dQ2c0"}, None),
    "PushReport": (
        _SCOPE
        | {
            "deliveryToken": "Zx3f9dQ2c0",
            "osType": 1,
            "thirdChannel": 4,
            "thirdChannelDeviceToken": "xiaomi-registration-id",
            "appVersion": "3.1.0",
        },
        None,
    ),
    "PushQueryDeviceState": (
        _SCOPE | {"target": "user1024", "targetType": 2},
        {
            "userId": "user1024",
            "deviceId": "Zx3f9dQ2c0",
            "deliveryToken": "Zx3f9dQ2c0",
            "thirdToken": "",
            "platform": "android",
            "manufacturer": "Xiaomi",
            "statue": "Online",
        },
    ),
    "QueryPushAnalysisCoreIndex": (
        _SCOPE | _DAY | {"platform": "ANDROID", "type": "MULTIPLE"},
        {
            "pushTotalNum": 1000,
            "pushNum": 950,
            "arrivalNum": 950,
            "arrivalRate": 95.0,
            "openNum": 190,
            "openRate": 20.0,
            "ignoreNum": 95,
            "ignoreRate": 10.0,
        },
    ),
    "QueryPushAnalysisTaskList": (
        _SCOPE | {"startTime": 1767225600000, "pageNumber": 1, "pageSize": 10},
        [
            {
                "taskId": _TASK,
                "taskName": "june offers",
                "templateId": "offer",
                "templateName": "offer",
                "type": 2,
                "gmtCreate": 1767226000000,
            }
        ],
    ),
    "QueryPushAnalysisTaskDetail": (
        _SCOPE | {"taskId": _TASK},
        {
            "taskId": _TASK,
            "startTime": 1767226000000,
            "endTime": 1767226012000,
            "duration": "0:00:12",
            "pushNum": 1000,
            "pushSuccessNum": 950,
            "pushArrivalNum": 950,
            "pushExpiredNum": 20,
        },
    ),
    "QueryPushSchedulerList": (
        _SCOPE | _DAY | {"type": 0, "pageNumber": 1, "pageSize": 500},
        {
            "totalCount": 1,
            "list": [
                {
                    "uniqueId": "456289270133424130",
                    "parentId": "456289270133424130",
                    "pushTime": 1767258000000,
                    "pushTitle": "Hello",
                    "pushContent": "Your parcel is on its way",
                    "type": 0,
                    "deliveryType": 3,
                    "strategyType": 1,
                    "executedStatus": 0,
                    "createType": 0,
                    "gmtCreate": 1767226000000,
                }
            ],
        },
    ),
    "CancelPushScheduler": (_SCOPE | {"uniqueIds": "456289270133424130", "type": 0}, "success"),
    "RevokePushMessage": (_SCOPE | {"messageId": "1578807462788", "targetId": "user1024"}, "success"),
    "RevokePushTask": (_SCOPE | {"taskId": _TASK}, "success"),
}
