"""Template parameters: which value each one gets, so that a deployment resets nothing that was given before.

Precedence: what the caller gives (command line, environment, stage file), the value of the deployed stack, the
template's default.
"""

from typing import Any

HIDDEN = "****"
"""What CloudFormation returns as the value of a parameter with NoEcho."""


class ValueMissing(Exception):
    """A parameter without default has no value."""


def previous(description: dict[str, Any] | None) -> dict[str, str]:
    """Return the values of the deployed stack."""
    parameters = (description or {}).get("Parameters", [])
    return {each["ParameterKey"]: each.get("ParameterValue", "") for each in parameters}


def effective(declared: dict[str, Any], given: dict[str, str], before: dict[str, str]) -> dict[str, str]:
    """Return the value that each declared parameter will have. Those without any value are left out."""
    defaults = {name: str(rule["Default"]) for name, rule in declared.items() if "Default" in rule}
    values = defaults | before | given
    return {name: value for name, value in values.items() if name in declared}


def of_request(
    declared: dict[str, Any], given: dict[str, str], before: dict[str, str], is_update: bool
) -> list[dict[str, Any]]:
    """Return the parameters of a request to CloudFormation. Raises ValueMissing.

    An update refers to the deployed values. A stack that replaces a failed one has none, so its values are repeated;
    CloudFormation does not return those with NoEcho.
    """
    request: list[dict[str, Any]] = []
    for name, rule in declared.items():
        if name in given:
            request.append({"ParameterKey": name, "ParameterValue": given[name]})
        elif name in before and is_update:
            request.append({"ParameterKey": name, "UsePreviousValue": True})
        elif name in before and before[name] != HIDDEN:
            request.append({"ParameterKey": name, "ParameterValue": before[name]})
        elif "Default" not in rule:
            raise ValueMissing(f"The parameter {name} has no value. {rule.get('Description', '')}".strip())
    return request
