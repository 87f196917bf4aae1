"""Visibility timeout: a queue does not feed a function that may run for longer than its messages stay hidden.

CreateEventSourceMapping refuses such a pair, and so does CloudFormation's resource, which calls it.
"""

from typing import Any

from infra.local.strict.rule import Rule

DEFAULT_SECONDS, DEFAULT_TIMEOUT = 30, 3


def install() -> None:
    from ministack.services import lambda_svc as service
    from ministack.services.cloudformation import provisioners

    create, handlers = service._create_esm, provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]
    create_in_stack = handlers["create"]

    def checked(data: dict[str, Any]) -> Any:
        if problem := _problem(data):
            return service.error_response_json("InvalidParameterValueException", problem, 400)
        return create(data)

    def checked_in_stack(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        if problem := _problem(properties):
            raise ValueError(problem)
        return create_in_stack(logical_id, properties, stack)

    service._create_esm = checked
    handlers["create"] = checked_in_stack


def _problem(mapping: dict[str, Any]) -> str | None:
    """Return AWS's message if the mapping must be refused."""
    from ministack.services import lambda_svc as service
    from ministack.services import sqs

    queue = sqs._queue_by_arn(mapping.get("EventSourceArn", ""))
    function, config, _ = service._get_func_record_for_ref(mapping.get("FunctionName", ""))
    if not queue or not function:
        return None
    hidden = int(queue["attributes"].get("VisibilityTimeout", DEFAULT_SECONDS))
    longest = int((config or function["config"]).get("Timeout", DEFAULT_TIMEOUT))
    if hidden >= longest:
        return None
    return (
        f"Invalid request provided: Queue visibility timeout: {hidden} seconds is less than Function timeout: "
        f"{longest} seconds"
    )


RULE = Rule(
    "visibility_timeout",
    "AWS Lambda developer guide: 'Creating and configuring an Amazon SQS event source mapping'; API reference: "
    "CreateEventSourceMapping, InvalidParameterValueException",
    install,
)
