"""Validation errors: the gateway responses' variable `$context.error.validationErrorString`.

AWS fills it with what its JSON schema validator found (API Gateway developer guide, "Variables for data models,
authorizers, mapping templates, and CloudWatch access logging"). The emulator leaves the variable as it stands.
"""

import json
from typing import Any

VARIABLE = b"$context.error.validationErrorString"


def install() -> None:
    from ministack.services import apigateway_v1 as gateway

    check, render = gateway._check_request_validation, gateway._gateway_error_response

    def explained(method: Any, api: str, request: Any, headers: Any, body: Any, query: Any) -> Any:
        error = check(method, api, request, headers, body, query)
        if error is not None:
            error.reason = _reason(gateway, method, api, body)
        return error

    def rendered(error: Any, request: Any) -> Any:
        status, headers, body = render(error, request)
        reason = json.dumps(getattr(error, "reason", ""))[1:-1]
        return status, headers, body.replace(VARIABLE, reason.encode())

    gateway._check_request_validation, gateway._gateway_error_response = explained, rendered


def _reason(gateway: Any, method: Any, api: str, body: Any) -> str:
    """Return the reason in AWS's words as far as the models' keywords go: `type` and `required`."""
    from jsonschema import Draft4Validator  # type: ignore[import-untyped]

    (model,) = (method.get("requestModels") or {"": ""}).values()
    schema = gateway._model_schema(api, model)
    try:
        document = json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return "Unable to parse the body as JSON"
    found = []
    for error in Draft4Validator(schema or {}).iter_errors(document):
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            reason = f"object has missing required properties ({json.dumps(sorted(missing))})"
        else:
            kind, allowed = _kind(error.instance), json.dumps([error.validator_value])
            reason = f"instance type ({kind}) does not match any allowed primitive type (allowed: {allowed})"
        if reason not in found:
            found.append(reason)
    return f"[{', '.join(found)}]"


def _kind(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return kinds.get(type(value), "null")
