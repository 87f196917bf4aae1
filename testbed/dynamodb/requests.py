"""Parameters of a request, checked as botocore and DynamoDB check them before they look at an item."""

from collections.abc import Mapping
from typing import Any

from boto3.dynamodb.conditions import ConditionBase, ConditionExpressionBuilder
from botocore.exceptions import ParamValidationError

from testbed.dynamodb.conditions import condition
from testbed.dynamodb.errors import Refusal, invalid
from testbed.dynamodb.expressions import Expression, Names
from testbed.dynamodb.projections import projection
from testbed.dynamodb.updates import update
from testbed.dynamodb.values import bound_of, take_value

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
        if None in given.values():
            raise ParamValidationError(report=f"Invalid type for a parameter of {set(given)}, value: None")
        self.given = given
        self.names: Names = tuple(given.get("ExpressionAttributeNames", {}).items())
        self._raw: Mapping[str, Any] = given.get("ExpressionAttributeValues", {})
        self._compiled: list[Expression] = []
        self._builder: ConditionExpressionBuilder | None = None
        self.values: dict[str, Any] = {}

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
        return self.noted(condition(slot, self.text(slot), self.names))

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
        return self.noted(update(_text(slot, self.given[slot]), self.names)) if slot in self.given else None

    def projection(self) -> Expression | None:
        slot = "ProjectionExpression"
        return self.noted(projection(slot, _text(slot, self.given[slot]), self.names)) if slot in self.given else None

    def noted(self, expression: Expression) -> Expression:
        """Count names and values of an expression as used. Return it."""
        self._compiled.append(expression)
        return expression

    @property
    def bound(self) -> int:
        """Upper bound of the size of all values."""
        return bound_of(self._raw, self.values)

    def check(self) -> None:
        """Read the values, once all expressions are compiled. Raises Refusal if names or values do not fit them."""
        values = self.values = {name: take_value(given) for name, given in self._raw.items()}
        compiled = self._compiled
        if len(compiled) == 1:
            used, named = compiled[0].values, compiled[0].names
        else:
            used = frozenset().union(*(each.values for each in compiled))
            named = frozenset().union(*(each.names for each in compiled))
        if values.keys() != used:
            raise self._unfit(used)
        if len(self.names) != len(named) or ("ExpressionAttributeNames" in self.given and not named):
            raise self._unused("Names", [name for name, _ in self.names if name not in named])
        for expression in compiled:
            for check in expression.checks:
                check(values)

    def _unfit(self, used: frozenset[str]) -> Refusal:
        if undefined := used - self.values.keys():
            text = "Invalid expression: An expression attribute value used in expression is not defined"
            return invalid(f"{text}; attribute value: {min(undefined)}")
        return self._unused("Values", [name for name in self.values if name not in used])

    def _unused(self, what: str, unused: list[str]) -> Refusal:
        if not unused:
            return invalid(f"ExpressionAttribute{what} must not be empty")
        if not self._compiled:
            return invalid(f"ExpressionAttribute{what} can only be specified when using expressions")
        return invalid(f"Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{unused[0]}}}")


def _text(slot: str, given: Any) -> str:
    if not isinstance(given, str):
        raise ParamValidationError(report=f"Invalid type for parameter {slot}, value: {given!r}")
    return given
