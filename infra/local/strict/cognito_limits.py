"""Cognito limits: text outside of the lengths in the API's model is refused.

Among them: user names of up to 128 characters, passwords of up to 256, attributes of up to 2,048.
"""

from collections.abc import Iterator
from typing import Any

from infra.local.strict.rule import Rule


def install() -> None:
    import botocore.session
    from ministack.services import cognito

    run = cognito._run_idp_handler
    model = botocore.session.get_session().get_service_model("cognito-idp")

    def checked(handler: Any, action: str, call: dict[str, Any]) -> Any:
        problems = list(_problems(model.operation_model(action).input_shape, call)) if action in names else []
        if not problems:
            return run(handler, action, call)
        some = f"{len(problems)} validation error{'s' if len(problems) > 1 else ''} detected: {'; '.join(problems)}"
        return cognito.error_response_json("InvalidParameterException", some, 400)

    names = set(model.operation_names)
    cognito._run_idp_handler = checked


def _problems(shape: Any, value: Any, path: str = "") -> Iterator[str]:
    """Yield what is wrong with the lengths of the texts in a value, in AWS's words."""
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            for name, member in shape.members.items():
                if name in value:
                    own = name[0].lower() + name[1:]
                    yield from _problems(member, value[name], f"{path}.{own}" if path else own)
        case "list" if isinstance(value, list):
            for number, each in enumerate(value, start=1):
                yield from _problems(shape.member, each, f"{path}.{number}.member")
        case "map" if isinstance(value, dict):
            for key, each in value.items():
                yield from _problems(shape.value, each, f"{path}.{key}.member")
        case "string" if isinstance(value, str):
            limits = shape.metadata
            found = f"Value at '{path}' failed to satisfy constraint: Member must have length"
            if len(value) > limits.get("max", len(value)):
                yield f"{found} less than or equal to {limits['max']}"
            if len(value) < limits.get("min", 0):
                yield f"{found} greater than or equal to {limits['min']}"


RULE = Rule("cognito_limits", "Amazon Cognito user pools API reference: 'SignUp', 'AttributeType'", install)
