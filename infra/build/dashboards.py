"""Dashboards: what the shop sells, and how its parts run. Their metrics are listed in tables; a widget shows one group.

CloudWatch's free tier covers three dashboards of up to 50 metrics each; any further one costs 3 USD a month.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from infra.build.alarms import of_type, rule_name

Template = dict[str, Any]
Metric = list[Any]

WIDTH, HEIGHT, PER_ROW = 8, 6, 3
HOUR, MINUTES = 3600, 300
SAGA = ["StateMachineArn", "${OrderFulfilment}"]
OWN = ["stage", "${Stage}", "service", "storefront"]
"""Dimensions of the saga's metrics and of the shop's own ones."""
BY_API_TYPE: dict[str, tuple[Any, Any]] = {
    "ApiDimension": ("ApiName", "ApiId"),
    "ApiOfMetrics": ({"Ref": "AWS::StackName"}, {"Ref": "HttpApi"}),
    "Refused": ("4XXError", "4xx"),
    "Failed": ("5XXError", "5xx"),
}
"""Of a REST and of an HTTP API: API Gateway developer guide, "Amazon API Gateway dimensions and metrics", "Working with
metrics for HTTP APIs"."""
NAME_OF_RULE = re.compile(r"\$\{NameOf(\w+)\}")


def dashboards(template: Template) -> Template:
    """Return both dashboards."""
    return {
        "BusinessDashboard": _dashboard("business", template, _business()),
        "TechnicalDashboard": _dashboard("technical", template, _technical(template)),
    }


def _dashboard(name: str, template: Template, widgets: Iterable[Template]) -> Template:
    placed = [
        {"x": WIDTH * (place % PER_ROW), "y": HEIGHT * (place // PER_ROW), "width": WIDTH, "height": HEIGHT, **widget}
        for place, widget in enumerate(widgets)
    ]
    return {
        "Type": "AWS::CloudWatch::Dashboard",
        "Properties": {
            "DashboardName": {"Fn::Sub": f"${{AWS::StackName}}-{name}"},
            "DashboardBody": _filled({"widgets": placed}, template["Resources"]),
        },
    }


def _filled(body: Template, resources: Template) -> Template:
    """Return the body as text for CloudFormation to fill in. A rule's name is not what `Ref` returns."""
    text = json.dumps(body, separators=(",", ":"))
    names: Template = {
        f"NameOf{rule}": rule_name(rule, resources[rule]) for rule in sorted(set(NAME_OF_RULE.findall(text)))
    }
    names |= {
        name: {"Fn::If": ["IsRestApi", *either]} for name, either in BY_API_TYPE.items() if f"${{{name}}}" in text
    }
    return {"Fn::Sub": [text, names] if names else text}


def _widget(title: str, metrics: list[Metric], statistic: str = "Sum", period: int = MINUTES) -> Template:
    properties = {
        "title": title,
        "metrics": metrics,
        "stat": statistic,
        "period": period,
        "region": "${AWS::Region}",
        "view": "timeSeries",
    }
    return {"type": "metric", "properties": properties}


def _business() -> list[Template]:
    return [*_orders(), *_exceptions(), *_sagas_and_emails()]


def _orders() -> list[Template]:
    return [
        _widget(
            "Orders",
            [
                _events("FulfilmentRule", "placed"),
                _events("CompletedOrdersRule", "completed"),
                _events("CancellationsRule", "cancellation requested"),
                _events("ReturnsRule", "return requested"),
                _events("LargeOrdersRule", "large"),
                _events("CustomsRule", "with customs papers"),
            ],
            period=HOUR,
        ),
        _widget(
            "From placed to settled",
            [
                ["AWS/States", "ExecutionTime", *SAGA, {"stat": "p50", "label": "half of the orders"}],
                ["AWS/States", "ExecutionTime", *SAGA, {"stat": "p95", "label": "95 of 100 orders"}],
            ],
            period=HOUR,
        ),
    ]


def _exceptions() -> list[Template]:
    return [
        _widget(
            "Money that needs attention",
            [
                ["Storefront", name, *OWN]
                for name in ("LedgerMismatch", "PaymentDisputed", "PaymentDisputeLost", "PaymentRefundFailed")
            ],
            period=HOUR,
        ),
        _widget("Parcels of cancelled orders", [["Storefront", "ParcelNotStopped", *OWN]], period=HOUR),
    ]


def _sagas_and_emails() -> list[Template]:
    mail = ["ses:configuration-set", "${MailSettings}"]
    return [
        _widget(
            "Sagas",
            [["AWS/States", f"Executions{end}", *SAGA] for end in ("Started", "Succeeded", "Failed")],
            period=HOUR,
        ),
        _widget(
            "Emails",
            [
                *(["AWS/SES", name, *mail] for name in ("Send", "Bounce", "Complaint", "Reject")),
                ["Storefront", "EmailSkipped", *OWN],
            ],
            period=HOUR,
        ),
    ]


def _technical(template: Template) -> list[Template]:
    return [*_api(), *_functions(), *_delays(template), *_data_and_connections()]


def _api() -> list[Template]:
    api = ["${ApiDimension}", "${ApiOfMetrics}", "Stage", "api"]
    return [
        _widget("API requests", [["AWS/ApiGateway", name, *api] for name in ("Count", "${Refused}", "${Failed}")]),
        _widget(
            "API latency (ms)",
            [
                ["AWS/ApiGateway", "Latency", *api, {"stat": "p50"}],
                ["AWS/ApiGateway", "Latency", *api, {"stat": "p95"}],
                ["AWS/ApiGateway", "IntegrationLatency", *api, {"stat": "p95"}],
            ],
        ),
    ]


def _functions() -> list[Template]:
    return [
        _widget("Functions of the account", [["AWS/Lambda", name] for name in ("Invocations", "Errors", "Throttles")]),
        _widget("Concurrent executions of the account", [["AWS/Lambda", "ConcurrentExecutions"]], "Maximum"),
        _widget("Errors by function", [_search("Errors", "Sum")]),
        _widget("Duration by function (ms)", [_search("Duration", "Maximum")], "Maximum"),
    ]


def _delays(template: Template) -> list[Template]:
    queues = [name for name, q in of_type(template, "AWS::SQS::Queue").items() if "RedrivePolicy" in q["Properties"]]
    return [
        _widget(
            "Delay of streams (ms)",
            [["AWS/Lambda", "IteratorAge", "FunctionName", f"${{{n}}}"] for n in ("RelayEvents", "PushUpdates")],
            "Maximum",
        ),
        _widget(
            "Age of the oldest message (s)",
            [
                ["AWS/SQS", "ApproximateAgeOfOldestMessage", "QueueName", f"${{{n}.QueueName}}", {"label": n}]
                for n in queues
            ],
            "Maximum",
        ),
    ]


def _data_and_connections() -> list[Template]:
    return [
        _widget(
            "Refused by DynamoDB",
            [
                ["AWS/DynamoDB", f"{kind}ThrottleEvents", "TableName", f"${{{table}}}", {"label": f"{table} {kind}"}]
                for table in ("OrdersTable", "InventoryTable", "ProductsTable")
                for kind in ("Read", "Write")
            ],
        ),
        _widget(
            "Live connections",
            [
                ["AWS/ApiGateway", n, "ApiId", "${LiveApi}"]
                for n in ("ConnectCount", "MessageCount", "IntegrationError")
            ],
        ),
    ]


def _events(rule: str, label: str) -> Metric:
    """Return how often a rule of our bus matched."""
    name = f"${{NameOf{rule}}}"
    return ["AWS/Events", "TriggeredRules", "EventBusName", "${EventBus}", "RuleName", name, {"label": label}]


def _search(metric: str, statistic: str) -> Metric:
    """Return a metric of each function of the stack: one entry, however many functions there are."""
    schema = "{AWS/Lambda,FunctionName}"
    text = f"SEARCH('{schema} MetricName=\"{metric}\" FunctionName=${{AWS::StackName}}', '{statistic}', {MINUTES})"
    return [{"expression": text, "id": metric.lower()}]
