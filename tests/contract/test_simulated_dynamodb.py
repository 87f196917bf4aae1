"""Simulated DynamoDB of the test bed against the AWS emulator's own (MiniStack): the same calls, the same answers.

Left out is what the emulator does unlike AWS: it adds to what is no number and appends to what is no list, sets and
removes inside of what is no map, moves a list's members between two removals, refuses `begins_with` on a number,
and returns a whole list where a member was updated.
"""

import uuid
from decimal import Decimal

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from infra.capacity import in_process
from testbed.dynamodb import DynamoDB

PROPERTIES = {
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind}
        for name, kind in (("pk", "S"), ("sk", "S"), ("g", "S"), ("r", "N"))
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "r", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["n"]},
        },
        {
            "IndexName": "all-by-g",
            "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
            "Projection": {"ProjectionType": "ALL"},
        },
    ],
}
EXAMPLES, CALLS = 150, 12
EMPTY = ("Attributes", {})
"""The emulator returns it where nothing was updated before, AWS and the simulation leave it out."""

words = st.sampled_from(["", "a", "ab", "b"])
members = st.sampled_from(["a", "b", "c"])
numbers = st.sampled_from([-1, 0, 1, 10, Decimal("1.50")])
scalars = words | numbers | st.booleans() | st.none()
sets = st.sets(members, min_size=1) | st.sets(st.sampled_from([1, 2, 3]), min_size=1)
values = scalars | sets | st.lists(scalars, max_size=2) | st.dictionaries(st.sampled_from("xy"), scalars, max_size=2)
keys = st.fixed_dictionaries({"pk": st.sampled_from("PQ"), "sk": st.sampled_from(["1", "12", "2"])})
attributes = {
    "any": values,
    "t": words,
    "n": numbers,
    "m": st.dictionaries(st.sampled_from("xy"), scalars | st.lists(scalars, max_size=2), max_size=2),
    "l": st.lists(scalars | st.fixed_dictionaries({"x": scalars}), max_size=3),
    "s": st.sets(members, min_size=1),
    "g": st.sampled_from(["a", "b"]),
    "r": numbers,
}
"""The strategy of each attribute's values: all but `any` keep their type."""
items = st.builds(dict.__or__, st.fixed_dictionaries({}, optional=attributes), keys)
full_items = st.builds(dict.__or__, st.fixed_dictionaries(attributes), keys)
paths = st.sampled_from(["#any", "t", "n", "m", "l", "s", "g", "m.x", "l[0]", "l[1].x", "pk", "absent"])
comparators = st.sampled_from(["=", "<>", "<", "<=", ">", ">="])


class Text:
    """An expression under construction: its values get placeholders."""

    def __init__(self, draw):
        self.draw = draw
        self.values = {}
        self.needed = []

    def value(self, strategy):
        name = f":v{len(self.values)}"
        self.values[name] = self.draw(strategy)
        return name

    def request(self, **expressions):
        texts = [text for text in expressions.values() if text]
        request = {slot: text for slot, text in expressions.items() if text}
        if self.values:
            request["ExpressionAttributeValues"] = self.values
        if any("#any" in text for text in texts):
            request["ExpressionAttributeNames"] = {"#any": "any"}
        return request

    def condition(self, depth=2):
        kind = self.draw(st.sampled_from(["and", "or", "not", "test", "test", "test"] if depth else ["test"]))
        if kind == "test":
            return self.test()
        if kind == "not":
            return f"NOT {self.test()}"
        return f"({self.condition(depth - 1)} {kind.upper()} {self.condition(depth - 1)})"

    def test(self):
        path = self.draw(paths)
        kind = self.draw(
            st.sampled_from(
                ["order", "order", "equal", "exists", "type", "begins", "contains", "size", "between", "in"]
            )
        )
        if kind == "order":
            path, strategy = self.draw(
                st.sampled_from([("n", numbers), ("r", numbers), ("t", words), ("#any", numbers)])
            )
            return f"{path} {self.draw(comparators)} {self.value(strategy)}"
        if kind == "equal":
            return f"{path} {self.draw(st.sampled_from(['=', '<>']))} {self.value(attributes.get(path, values))}"
        if kind == "exists":
            return f"attribute_{self.draw(st.sampled_from(['exists', 'not_exists']))}({path})"
        if kind == "type":
            return f"attribute_type({path}, {self.value(st.sampled_from(['S', 'N', 'BOOL', 'NULL', 'M', 'L', 'SS']))})"
        if kind == "begins":
            return f"begins_with({self.draw(st.sampled_from(['t', 'pk', 'sk']))}, {self.value(words)})"
        if kind == "contains":
            path, strategy = self.draw(st.sampled_from([("t", words), ("s", members), ("l", scalars), (path, scalars)]))
            return f"contains({path}, {self.value(strategy)})"
        if kind == "size":
            sized = self.draw(st.sampled_from(["t", "m", "l", "s", "pk"]))
            return f"size({sized}) {self.draw(comparators)} {self.value(st.integers(0, 3))}"
        if kind == "between":
            low, high = sorted([self.draw(numbers), self.draw(numbers)])
            return f"n BETWEEN {self.value(st.just(low))} AND {self.value(st.just(high))}"
        strategy = attributes.get(path, scalars)
        return f"{path} IN ({self.value(strategy)}, {self.value(strategy)})"

    def update(self):
        """Return an update that changes each attribute once at most. `needed` are the conditions under which it can."""
        changed = self.draw(st.lists(st.sampled_from(sorted(attributes)), min_size=1, max_size=3, unique=True))
        clauses = {"SET": [], "REMOVE": [], "ADD": [], "DELETE": []}
        for name in changed:
            clause, text = self.change(name)
            clauses[clause].append(text)
        return " ".join(f"{clause} {', '.join(texts)}" for clause, texts in clauses.items() if texts)

    def change(self, name):
        path = "#any" if name == "any" else name
        special = {
            "n": [("SET", "n = n + {}"), ("SET", "n = if_not_exists(n, {}) - {}"), ("ADD", "n {}")],
            "r": [("SET", "r = if_not_exists(r, {}) + {}"), ("ADD", "r {}")],
            "l": [("SET", "l = list_append({}, l)"), ("SET", "l[1] = {}"), ("REMOVE", "l[0]")],
            "s": [("ADD", "s {}"), ("DELETE", "s {}")],
            "m": [("SET", "m.x = {}"), ("REMOVE", "m.x")],
            "any": [("SET", "#any = if_not_exists(absent, {})"), ("SET", "#any = t"), ("SET", "#any = l")],
        }.get(name, [])
        clause, text = self.draw(st.sampled_from([("SET", f"{path} = {{}}"), ("REMOVE", path), *special]))
        if clause == "REMOVE" and text in ("l[0]", "m.x"):
            self.needed.append(f"attribute_exists({name})")
        strategy = {"l[1] = {}": scalars, "m.x = {}": scalars}.get(text, attributes[name])
        while "{}" in text:
            text = text.replace("{}", self.value(strategy), 1)
        return clause, text


@st.composite
def writes(draw, kinds):
    """Return a kind of write, and its request without the table."""
    kind, text = draw(st.sampled_from(kinds)), Text(draw)
    request = {"Item": draw(items)} if kind == "Put" else {"Key": draw(keys)}
    change = text.update() if kind == "Update" else None
    condition = text.condition() if kind == "ConditionCheck" or draw(st.booleans()) else None
    condition = " AND ".join([*text.needed, *([condition] if condition else [])])
    request |= text.request(UpdateExpression=change, ConditionExpression=condition)
    if condition and draw(st.booleans()):
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return kind, request


@st.composite
def single_writes(draw):
    kind, request = draw(writes(["Put", "Update", "Update", "Delete"]))
    returned = ["ALL_OLD"] if kind != "Update" else ["ALL_OLD", "ALL_NEW"]
    if "l[" not in request.get("UpdateExpression", "l["):
        returned += ["UPDATED_OLD", "UPDATED_NEW"]
    return f"{kind.lower()}_item", request | {"ReturnValues": draw(st.sampled_from(["NONE", *returned]))}


@st.composite
def transactions(draw):
    actions = draw(st.lists(writes(["Put", "Update", "Delete", "ConditionCheck"]), min_size=1, max_size=4))
    return "transact_write_items", {"TransactItems": [{kind: request} for kind, request in actions]}


@st.composite
def queries(draw):
    text = Text(draw)
    index, key, sort, ranges = draw(
        st.sampled_from([(None, "pk", "sk", words), ("by-g", "g", "r", numbers), ("all-by-g", "g", None, None)])
    )
    condition = f"{key} = {text.value(st.sampled_from(['P', 'Q', 'a', 'b']))}"
    if sort and draw(st.booleans()):
        condition += f" AND {sort} {draw(st.sampled_from(['=', '<', '<=', '>', '>=']))} {text.value(ranges)}"
    elif sort == "sk" and draw(st.booleans()):
        condition += f" AND begins_with(sk, {text.value(words)})"
    request = text.request(
        KeyConditionExpression=condition,
        FilterExpression=text.condition(1).replace("pk", "t") if draw(st.booleans()) and index != "by-g" else None,
        ProjectionExpression=draw(st.sampled_from([None, "pk, n, m.x, l[1]", "sk, #any, l[0].x, l[2]"])),
    )
    limit = {"Limit": draw(st.integers(1, 3))} if draw(st.booleans()) else {}
    name = {"IndexName": index} if index else {}
    return "query", request | limit | name | {"ScanIndexForward": draw(st.booleans())}


@st.composite
def reads(draw):
    text = Text(draw)
    if draw(st.integers(0, 4)) == 0:
        return "get_item", {"Key": draw(keys)}
    return "scan", text.request(FilterExpression=text.condition(1))


stored = st.lists((items | full_items).map(lambda item: ("put_item", {"Item": item})), min_size=3, max_size=6)
calls = st.lists(single_writes() | single_writes() | transactions() | queries() | reads(), min_size=4, max_size=CALLS)


def distinct(value):
    """Return a value that differs from another one if DynamoDB's types differ: Python's True equals 1."""
    if isinstance(value, dict):
        return {name: distinct(each) for name, each in value.items()}
    if isinstance(value, list):
        return [distinct(each) for each in value]
    return (value.__class__, value)


def answer(client, table, operation, request):
    if operation == "transact_write_items":
        actions = [
            {kind: {"TableName": table, **asked} for kind, asked in each.items()} for each in request["TransactItems"]
        ]
        request = {"TransactItems": actions}
    else:
        request = {"TableName": table, **request}
    try:
        found = getattr(client, operation)(**request)
    except ClientError as error:
        return failure(error)
    found = {name: value for name, value in found.items() if name != "ResponseMetadata" and (name, value) != EMPTY}
    if operation == "scan":
        found["Items"].sort(key=lambda item: (item["pk"], item["sk"]))
    return distinct(found)


def failure(error):
    reasons = [(each["Code"], in_order(each.get("Item"))) for each in error.response.get("CancellationReasons", [])]
    return error.response["Error"]["Code"], in_order(error.response.get("Item")), reasons


def in_order(item):
    """Return an item in DynamoDB's JSON, with the members of sets in order."""
    if isinstance(item, dict):
        return {kind: sorted(held) if kind in ("SS", "NS") else in_order(held) for kind, held in item.items()}
    return [in_order(each) for each in item] if isinstance(item, list) else item


@pytest.fixture(scope="module")
def emulated():
    return in_process.connect()


# Add Phase.shrink to find the shortest history; it can take minutes.
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(stored=stored, made=calls)
def test_simulation_answers_as_the_emulator(emulated, stored, made):
    name = f"items-{uuid.uuid4().hex}"
    in_process.create(emulated, name, PROPERTIES)
    simulation = DynamoDB()
    simulation.create_table(name, PROPERTIES)
    for operation, request in [*stored, *made, ("scan", {}), ("scan", {"IndexName": "by-g"})]:
        expected = answer(emulated, name, operation, request)
        assert answer(simulation.client(), name, operation, request) == expected, (operation, request)
