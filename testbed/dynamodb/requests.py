"""Parameters of a request, checked as botocore and DynamoDB check them before they look at an item."""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from botocore.exceptions import ParamValidationError

from testbed.dynamodb.conditions import condition
from testbed.dynamodb.errors import invalid
from testbed.dynamodb.expressions import Expression, Names, Values
from testbed.dynamodb.projections import projection
from testbed.dynamodb.updates import update
from testbed.dynamodb.values import bound_of, take_value

UNDEFINED = "An expression attribute value used in expression is not defined"
IGNORED = frozenset({"ReturnConsumedCapacity", "ReturnItemCollectionMetrics"})
"""Parameters that only add to an answer what is not simulated."""


class Request:
    """One call, or one action of a transaction.

    `known` names the parameters that are simulated. Another one, even if DynamoDB knows it, raises NotImplementedError.
    """

    def __init__(self, given: Mapping[str, Any], known: frozenset[str], needed: tuple[str, ...]) -> None:
        if not given.keys() <= known and (others := given.keys() - known - IGNORED):
            raise NotImplementedError(f"{', '.join(sorted(others))}: not simulated")
        for name in needed:
            if name not in given:
                raise ParamValidationError(report=f'Missing required parameter in input: "{name}"')
        for name, value in given.items():
            if value is None:
                raise ParamValidationError(report=f"Invalid type for parameter {name}, value: None")
        self.given = given
        self.names: Names = tuple(given.get("ExpressionAttributeNames", {}).items())
        self._raw: Mapping[str, Any] = given.get("ExpressionAttributeValues", {})
        self._compiled: list[Expression] = []
        self._builder: ConditionExpressionBuilder | None = None
        self.values: Values = {}

    @property
    def table(self) -> str:
        return str(self.given["TableName"])

    def choice(self, name: str, *allowed: str) -> str:
        """Return a parameter that has one of these values, or the first of them."""
        value: str = self.given.get(name, allowed[0])
        if value not in allowed:
            text = f"Value '{value}' at '{name[0].lower()}{name[1:]}' failed to satisfy constraint"
            raise invalid(f"1 validation error detected: {text}: Member must satisfy enum value set: {list(allowed)}")
        return value

    def condition(self, slot: str) -> Expression | None:
        """Return a condition or a filter, if there is one: a text, or an object of boto3."""
        if slot not in self.given:
            return None
        return self._noted(condition(slot, self.text(slot), self.names))

    def text(self, slot: str, is_key: bool = False) -> str:
        """Return the text of a condition. That of an object gets names and values of its own, as boto3 gives them."""
        given = self.given[slot]
        if not isinstance(given, ConditionBase):
            return _text(slot, given)
        self._builder = self._builder or ConditionExpressionBuilder()
        built = self._builder.build_expression(given, is_key_condition=is_key)
        self.names = (*self.names, *built.attribute_name_placeholders.items())
        self._raw = {**self._raw, **built.attribute_value_placeholders}
        return str(built.condition_expression)

    def update(self) -> Expression | None:
        slot = "UpdateExpression"
        return self._noted(update(_text(slot, self.given[slot]), self.names)) if slot in self.given else None

    def projection(self) -> Expression | None:
        slot = "ProjectionExpression"
        return self._noted(projection(slot, _text(slot, self.given[slot]), self.names)) if slot in self.given else None

    def _noted(self, expression: Expression) -> Expression:
        self._compiled.append(expression)
        return expression

    def note(self, expression: Expression) -> None:
        """Count names and values of a condition that was compiled elsewhere as used."""
        self._compiled.append(expression)

    @property
    def bound(self) -> int:
        """Upper bound of the size of all values."""
        return bound_of(self._raw, self.values)

    def check(self) -> None:
        """Read the values, once all expressions are compiled. Raises Refusal if names or values do not fit them."""
        values: dict[str, Any] = {}
        for name, given in self._raw.items():
            values[name] = take_value(given)
        self.values = values
        for expression in self._compiled:
            for name in expression.values:
                if name not in values:
                    raise invalid(f"Invalid expression: {UNDEFINED}; attribute value: {name}")
        self._refuse_unused("Values", values.keys(), [each.values for each in self._compiled])
        self._refuse_unused("Names", [name for name, _ in self.names], [each.names for each in self._compiled])
        for expression in self._compiled:
            for check in expression.checks:
                check(values)

    def _refuse_unused(self, what: str, given: Any, used: list[frozenset[str]]) -> None:
        if not given and f"ExpressionAttribute{what}" in self.given:
            raise invalid(f"ExpressionAttribute{what} must not be empty")
        for name in given:
            if not any(name in each for each in used):
                if not self._compiled:
                    raise invalid(f"ExpressionAttribute{what} can only be specified when using expressions")
                text = f"Value provided in ExpressionAttribute{what} unused in expressions"
                raise invalid(f"{text}: keys: {{{name}}}")


def _text(slot: str, given: Any) -> str:
    if not isinstance(given, str):
        raise ParamValidationError(report=f"Invalid type for parameter {slot}, value: {given!r}")
    return given
