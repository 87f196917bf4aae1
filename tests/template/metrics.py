"""Metrics that exist: by namespace and name, the sets of dimensions under which AWS and our code publish them."""

NONE: tuple[str, ...] = ()
FUNCTION = ("FunctionName",)
RULES = (("RuleName",), ("EventBusName", "RuleName"))
OWN = (("service", "stage"),)

PUBLISHED: dict[str, dict[str, tuple[tuple[str, ...], ...]]] = {
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html; without a dimension: all functions
    "AWS/Lambda": {
        "Invocations": (FUNCTION, NONE),
        "Errors": (FUNCTION, NONE, ("FunctionName", "Resource")),
        "Throttles": (FUNCTION, NONE),
        "Duration": (FUNCTION, NONE),
        "ConcurrentExecutions": (FUNCTION, NONE),
        "IteratorAge": (FUNCTION,),
    },
    # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    "AWS/SQS": {
        "ApproximateNumberOfMessagesVisible": (("QueueName",),),
        "ApproximateAgeOfOldestMessage": (("QueueName",),),
    },
    # https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
    "AWS/States": {
        name: (("StateMachineArn",),)
        for name in (
            "ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut", "ExecutionTime",
        )
    },
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-metrics-and-dimensions.html and
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-logging.html and
    # https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
    "AWS/ApiGateway": {
        name: (("ApiName", "Stage"), ("ApiId", "Stage")) for name in ("Count", "Latency", "IntegrationLatency")
    }
    | {name: (("ApiName", "Stage"),) for name in ("4XXError", "5XXError")}
    | {name: (("ApiId", "Stage"),) for name in ("4xx", "5xx")}
    | {name: (("ApiId",), ("ApiId", "Stage")) for name in ("ConnectCount", "MessageCount", "IntegrationError")},
    # https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/metrics-dimensions.html
    "AWS/DynamoDB": {name: (("TableName",),) for name in ("ReadThrottleEvents", "WriteThrottleEvents")},
    # https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-monitoring.html
    "AWS/Events": {"FailedInvocations": RULES, "TriggeredRules": RULES},
    # https://docs.aws.amazon.com/ses/latest/dg/reputationdashboard-cloudwatch-alarm.html, of the whole account, and
    # https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-cloudwatch.html, by configuration set
    "AWS/SES": {name: (NONE,) for name in ("Reputation.BounceRate", "Reputation.ComplaintRate")}
    | {name: (("ses:configuration-set",),) for name in ("Send", "Bounce", "Complaint", "Reject")},
    # https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-Service-Quota-Integration.html
    "AWS/Usage": {"ResourceCount": (("Class", "Resource", "Service", "Type"),)},
    # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/programming-cloudwatch-metrics.html
    "AWS/CloudFront": {"5xxErrorRate": (("DistributionId", "Region"),)},
    # chalicelib/platform/metrics.py; test_alarms.py compares its dimensions with what the code writes
    "Storefront": {
        name: OWN
        for name in (
            "LedgerMismatch", "PaymentDisputed", "PaymentDisputeLost", "PaymentRefundFailed", "ParcelNotStopped",
            "EmailSkipped",
        )
    },
}  # fmt: skip


def is_published(namespace: str, name: str, dimensions: list[str]) -> bool:
    return tuple(sorted(dimensions)) in PUBLISHED.get(namespace, {}).get(name, ())
