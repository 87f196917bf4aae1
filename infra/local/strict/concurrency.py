"""Concurrency: calls beyond the limit of the account or the function are throttled, and each caller retries as on AWS.

`LAMBDA_ACCOUNT_CONCURRENCY` sets the account's limit (default 1,000, as on AWS). Reserved concurrency is taken out of
it for its function. A throttled direct call is a 429 `TooManyRequestsException`, and in Step Functions the error
`Lambda.TooManyRequestsException`; API Gateway answers 500. An asynchronous call is retried with exponential backoff
until its maximum age, without using up its two retries. A batch of a queue is retried until its visibility timeout
ends; then its messages are received again, which counts towards the dead-letter queue. Each throttled attempt counts
in the metric `Throttles`. Reserving concurrency must leave 100 unreserved, or the account's limit if it is lower.
"""

import json
import time
from contextvars import ContextVar
from typing import Any

from infra.local.strict.rule import Rule

MINIMUM_UNRESERVED = 100
LONGEST_PAUSE_SECONDS = 300

retry_until: ContextVar[float] = ContextVar("retry_until", default=0)
"""Until when the invocations of this thread are retried while they are throttled, as epoch seconds."""


def install() -> None:
    _share_limit()
    _retry_throttled()
    _name_errors()
    _check_reservations()
    _reserve_in_stacks()


def _share_limit() -> None:
    """Give functions with reserved concurrency their share, and all others the rest of the account's limit."""
    from ministack.services import cloudwatch
    from ministack.services import lambda_svc as service

    def acquire(function: dict[str, Any], config: dict[str, Any]) -> tuple[str | None, str | None]:
        own = service._inflight_key(config)
        name = config.get("FunctionName", "")
        reserved = _reservations(service)
        with service._inflight_lock:
            running = service._inflight
            if name in reserved:
                limit = "function" if running.get(own, 0) >= reserved[name] else None
            else:
                scope = own.removesuffix(name)
                unreserved = sum(
                    count
                    for key, count in running.items()
                    if key.startswith(scope) and key.removeprefix(scope) not in reserved
                )
                limit = "account" if unreserved >= _account_limit(service) - sum(reserved.values()) else None
            if limit is None:
                running[own] = running.get(own, 0) + 1
                service._inflight_total += 1
                return own, None
        cloudwatch.record_metric("AWS/Lambda", "Throttles", 1, "Count", {"FunctionName": name})
        return None, limit

    service._acquire_execution_slot = acquire


def _retry_throttled() -> None:
    """Retry asynchronous calls and batches of queues while they are throttled."""
    from ministack.services import eventbridge
    from ministack.services import lambda_svc as service

    execute, invoke_later, run_batch = (
        service._execute_function,
        service.invoke_async_with_retry,
        service._run_sqs_batch,
    )

    def patiently(function: dict[str, Any], event: dict[str, Any]) -> dict[str, Any]:
        pause = service._LAMBDA_ASYNC_RETRY_BASE_SECONDS
        while (result := execute(function, event)).get("throttle") and time.time() + pause < retry_until.get():
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        return result

    def later(function: dict[str, Any], event: dict[str, Any]) -> None:
        latest = (function.get("event_invoke_configs") or {}).get("$LATEST")
        settings = function.get("event_invoke_config") or latest or {}
        token = retry_until.set(time.time() + int(settings.get("MaximumEventAgeInSeconds", 6 * 3600)))
        try:
            invoke_later(function, event)  # its thread inherits the context
        finally:
            retry_until.reset(token)

    def batch(mapping: Any, function: Any, event: Any, messages: list[dict[str, Any]], *queue: str) -> None:
        token = retry_until.set(min(message["visible_at"] for message in messages))
        try:
            run_batch(mapping, function, event, messages, *queue)
        finally:
            retry_until.reset(token)

    def target(arn: str, payload: str) -> None:
        """Invoke the target of an EventBridge rule asynchronously; the emulator calls it once, without retries."""
        function, config, _ = service._get_func_record_for_ref(arn)
        if function and config:
            later(service._execution_record_for_config(function, config), json.loads(payload))

    service._execute_function = patiently
    service.invoke_async_with_retry = later
    service._run_sqs_batch = batch
    eventbridge._dispatch_to_lambda = target


def _name_errors() -> None:
    """Report a throttled call to Step Functions and API Gateway as AWS names it."""
    from ministack.services import lambda_svc as service
    from ministack.services import stepfunctions

    call, answer = stepfunctions._call_lambda, service.lambda_execute_result_to_api_proxy_response

    def named(function: str, event: Any) -> Any:
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as failure:
            if failure.error == "Lambda.Unknown" and '"TooManyRequestsException"' in failure.cause:
                failure.error = "Lambda.TooManyRequestsException"
            raise

    def answered(result: dict[str, Any]) -> Any:
        if not result.get("throttle"):
            return answer(result)
        body = json.dumps({"message": "Internal server error"})
        return {"statusCode": 500, "headers": {"Content-Type": "application/json"}, "body": body}, None

    stepfunctions._call_lambda = named
    service.lambda_execute_result_to_api_proxy_response = answered


def _check_reservations() -> None:
    """Refuse to reserve concurrency that the rest of the account needs."""
    from ministack.services import lambda_svc as service

    put = service._put_function_concurrency

    def checked(name: str, data: dict[str, Any]) -> Any:
        limit, wish = _account_limit(service), int(data.get("ReservedConcurrentExecutions", 0))
        others = sum(amount for function, amount in _reservations(service).items() if function != name)
        least = min(MINIMUM_UNRESERVED, limit)
        if wish and limit - others - wish < least:
            return service.error_response_json(
                "InvalidParameterValueException",
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{least}].",
                400,
            )
        return put(name, data)

    service._put_function_concurrency = checked


def _reserve_in_stacks() -> None:
    """Apply `ReservedConcurrentExecutions` of a template, which the emulator's CloudFormation ignores."""
    from ministack.services import lambda_svc as service
    from ministack.services.cloudformation import provisioners

    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create, update = handlers["create"], handlers["update"]

    def reserve(name: str, properties: dict[str, Any]) -> None:
        wish = properties.get("ReservedConcurrentExecutions")
        if wish is None:
            service._delete_function_concurrency(name)
            return
        status, _, body = service._put_function_concurrency(name, {"ReservedConcurrentExecutions": int(wish)})
        if status != 200:
            raise ValueError(json.loads(body)["message"])

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        made = create(logical_id, properties, stack)
        reserve(made[0], properties)
        return made

    def updated(name: str, old: dict[str, Any], new: dict[str, Any], *others: Any) -> Any:
        made = update(name, old, new, *others)
        reserve(made[0], new)
        return made

    handlers["create"], handlers["update"] = created, updated


def _account_limit(service: Any) -> int:
    return int(service._ACCOUNT_CONCURRENCY_CAP) or int(service._AWS_DEFAULT_ACCOUNT_CONCURRENCY)


def _reservations(service: Any) -> dict[str, int]:
    """Return the reserved concurrency of each function of this account and region."""
    functions = service._functions
    return {
        name: int(functions[name]["concurrency"])
        for name in functions
        if functions[name].get("concurrency") is not None
    }


RULE = Rule(
    "concurrency",
    "AWS Lambda developer guide: 'Understanding Lambda function scaling', 'Error handling for an SQS event source', "
    "'How Lambda handles errors and retries with asynchronous invocation', 'Handling Lambda errors with an API Gateway "
    "API'; Step Functions developer guide: 'Handle transient Lambda service exceptions'",
    install,
)
