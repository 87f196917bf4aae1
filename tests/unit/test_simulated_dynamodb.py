"""Simulated DynamoDB of the test bed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import TypeSerializer
from botocore.exceptions import ClientError, ParamValidationError

from testbed.dynamodb import DynamoDB, client_error

PROPERTIES = {
    "AttributeDefinitions": [
        {"AttributeName": name, "AttributeType": kind} for name, kind in (("pk", "S"), ("sk", "S"), ("on", "N"))
    ],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": "by-day",
            "KeySchema": [{"AttributeName": "sk", "KeyType": "HASH"}, {"AttributeName": "on", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["amount"]},
        }
    ],
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
}
KEY = {"pk": "o1", "sk": "ORDER"}
ITEM = KEY | {"amount": 5, "parts": [{"sku": "MUG", "tags": {"a", "b"}}], "paid": True, "note": None}
PUT = {"Put": {"TableName": "orders", "Item": ITEM}}


class Clock:
    now = datetime(2030, 5, 17, tzinfo=UTC)

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def database(clock):
    database = DynamoDB(clock)
    database.create_table("orders", PROPERTIES)
    return database


@pytest.fixture
def table(database):
    return database.resource().Table("orders")


@pytest.fixture
def client(database):
    return database.client()


def put(table, **changes):
    table.put_item(Item=ITEM | changes)


def update(table, expression, **values):
    """Update the item, and return it."""
    named = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
    return table.update_item(Key=KEY, UpdateExpression=expression, ReturnValues="ALL_NEW", **named)["Attributes"]


def test_item_comes_back_as_boto3_returns_it(table):
    put(table)
    found = table.get_item(Key=KEY)["Item"]
    assert found == ITEM and found["amount"].__class__ is Decimal and found["paid"] is True


def test_stored_item_is_separate_from_those_of_its_callers(table):
    given = ITEM | {"parts": [{"sku": "MUG", "tags": {"a", "b"}}]}
    table.put_item(Item=given)
    given["parts"][0]["tags"].add("c")
    table.get_item(Key=KEY)["Item"]["parts"].clear()
    table.query(KeyConditionExpression=Key("pk").eq("o1"))["Items"][0]["parts"][0]["sku"] = "CUP"
    assert table.get_item(Key=KEY)["Item"] == ITEM


@pytest.mark.parametrize(
    ("expression", "values", "changed"),
    [
        ("SET amount = amount + :n, paid = :no", {"n": 2, "no": False}, {"amount": 7, "paid": False}),
        ("SET added = if_not_exists(added, :n) - :n REMOVE note", {"n": 1}, {"added": 0, "note": ...}),
        ("SET parts[0].sku = :s, parts[7] = :s", {"s": "CUP"}, {"parts": [{"sku": "CUP", "tags": {"a", "b"}}, "CUP"]}),
        ("SET parts = list_append(parts, :more)", {"more": [1]}, {"parts": [*ITEM["parts"], 1]}),
        ("ADD amount :n, seen :s", {"n": -5, "s": {"x"}}, {"amount": 0, "seen": {"x"}}),
        ("DELETE parts[0].tags :a", {"a": {"a"}}, {"parts": [{"sku": "MUG", "tags": {"b"}}]}),
        ("DELETE parts[0].tags :all REMOVE parts[0].sku", {"all": {"a", "b"}}, {"parts": [{}]}),
        ("SET note = amount, amount = :n", {"n": 1}, {"note": 5, "amount": 1}),
    ],
)
def test_update_changes_what_it_names(table, expression, values, changed):
    put(table)
    expected = {name: value for name, value in (ITEM | changed).items() if value is not ...}
    assert update(table, expression, **values) == expected == table.get_item(Key=KEY)["Item"]


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (Attr("paid").eq(1), False),
        (Attr("missing").ne(1) & Attr("note").exists(), True),
        (Attr("parts").contains({"sku": "MUG", "tags": {"a", "b"}}) & Attr("parts[0].tags").contains("a"), True),
        (Attr("amount").between(4, 5) & Attr("amount").is_in([4, 5]) & Attr("amount").lt("9"), False),
        (~Attr("sk").begins_with("O") | Attr("parts").size().eq(1), True),
        (Attr("note").attribute_type("NULL") & Attr("amount").gte(Decimal("4.5")), True),
    ],
)
def test_condition_compares_values_of_the_same_type(table, condition, holds):
    put(table)
    found = table.scan(FilterExpression=condition)
    assert (found["Count"], found["ScannedCount"]) == (int(holds), 1)


def test_refused_write_returns_the_item_in_dynamodbs_json(table):
    put(table)
    with pytest.raises(ClientError) as refused:
        table.put_item(
            Item=KEY, ConditionExpression=Attr("pk").not_exists(), ReturnValuesOnConditionCheckFailure="ALL_OLD"
        )
    response = refused.value.response
    serializer = TypeSerializer()
    expected = {name: serializer.serialize(value) for name, value in ITEM.items()}
    expected["parts"]["L"][0]["M"]["tags"]["SS"].sort()
    assert response["Error"]["Code"] == "ConditionalCheckFailedException" and response["Item"] == expected


def test_cancelled_transaction_gives_reasons_in_order_and_writes_nothing(client, database, table):
    put(table)
    new = {"TableName": "orders", "Item": KEY | {"sk": "EVENT"}}
    on = {"TableName": "orders", "ConditionExpression": "attribute_not_exists(pk)"}
    with pytest.raises(ClientError) as refused:
        client.transact_write_items(
            TransactItems=[
                {"Put": new},
                {"Delete": {**on, "Key": KEY}},
                {"Update": {"TableName": "orders", "Key": KEY | {"sk": "X"}, "UpdateExpression": "SET a = b"}},
            ]
        )
    reasons = refused.value.response["CancellationReasons"]
    assert [each["Code"] for each in reasons] == ["None", "ConditionalCheckFailed", "ValidationError"]
    assert database.contents() == {"orders": [ITEM]}


def test_transaction_with_a_known_token_writes_once_in_ten_minutes(client, clock, database):
    add = {"Update": {"TableName": "orders", "Key": KEY, "UpdateExpression": "ADD amount :n"}}
    add["Update"]["ExpressionAttributeValues"] = {":n": 1}
    for _ in range(2):
        client.transact_write_items(TransactItems=[add], ClientRequestToken="token")
    with pytest.raises(ClientError, match="IdempotentParameterMismatchException"):
        client.transact_write_items(TransactItems=[PUT], ClientRequestToken="token")
    clock.now += timedelta(minutes=10)
    client.transact_write_items(TransactItems=[add], ClientRequestToken="token")
    assert [item["amount"] for item in database.contents()["orders"]] == [2]


def deep(levels):
    return {"a": deep(levels - 1)} if levels else 1


@pytest.mark.parametrize(
    ("message", "request_"),
    [
        ("reserved keyword: status", {"ConditionExpression": "status = :s", "ExpressionAttributeValues": {":s": 1}}),
        ("unused in expressions: keys: {:s}", {"UpdateExpression": "REMOVE a", "ExpressionAttributeValues": {":s": 1}}),
        (
            "unused in expressions: keys: {#s}",
            {"UpdateExpression": "REMOVE a", "ExpressionAttributeNames": {"#s": "s"}},
        ),
        ("attribute value: :s", {"UpdateExpression": "SET a = :s"}),
        ("attribute name: #s", {"UpdateExpression": "REMOVE #s"}),
        ('token: "=", near', {"ConditionExpression": "a == b"}),
        ("Two document paths overlap", {"UpdateExpression": "REMOVE a, a.b"}),
        ("part of the key", {"UpdateExpression": "REMOVE sk"}),
        ("does not exist in the item", {"UpdateExpression": "SET a = b"}),
        ("path provided in the update expression is invalid", {"UpdateExpression": "SET a.b = pk"}),
        ("redundant parentheses", {"ConditionExpression": "((attribute_exists(a)))"}),
        ("can only be used once", {"UpdateExpression": "SET a = pk SET b = pk"}),
        ("Invalid function name; function: exists", {"ConditionExpression": "exists(a)"}),
        ("operand type: BOOL", {"ConditionExpression": "a < :s", "ExpressionAttributeValues": {":s": True}}),
        ("operand type: S", {"UpdateExpression": "ADD a :s", "ExpressionAttributeValues": {":s": "x"}}),
        ("does not match the schema", {"Key": {"pk": "o1"}}),
        ("empty string value. Key: sk", {"Key": {"pk": "o1", "sk": ""}}),
        (
            "Type mismatch for Index Key on",
            {"UpdateExpression": "SET #on = pk", "ExpressionAttributeNames": {"#on": "on"}},
        ),
        (
            "maximum allowed size",
            {"UpdateExpression": "SET a = :s", "ExpressionAttributeValues": {":s": "x" * 410_000}},
        ),
        ("Nesting Levels", {"UpdateExpression": "SET a = :s", "ExpressionAttributeValues": {":s": deep(32)}}),
        ("enum value set", {"ReturnValues": "EVERYTHING"}),
    ],
)
def test_invalid_update_is_refused(table, message, request_):
    with pytest.raises(ClientError) as refused:
        table.update_item(**{"Key": KEY} | request_)
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    assert message in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("message", "actions"),
    [
        ("less than or equal to 100", [PUT] * 101),
        ("greater than or equal to 1", []),
        ("multiple operations on one item", [PUT, {"Delete": {"TableName": "orders", "Key": KEY}}]),
        ("empty string value", [{"Put": {"TableName": "orders", "Item": {"pk": "", "sk": "x"}}}]),
    ],
)
def test_invalid_transaction_is_refused(client, message, actions):
    with pytest.raises(ClientError, match="ValidationException") as refused:
        client.transact_write_items(TransactItems=actions)
    assert message in refused.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("error", "value"),
    [(TypeError, 1.5), (TypeError, object()), (ParamValidationError, {1: 2}), (NotImplementedError, b"x")],
)
def test_value_that_boto3_refuses_is_refused(table, error, value):
    with pytest.raises(error):
        table.put_item(Item=KEY | {"a": value})


@pytest.mark.parametrize("unknown", [{"AttributesToGet": ["a"]}, {"ConsistentReads": True}])
def test_parameter_that_is_not_simulated_raises(table, unknown):
    with pytest.raises(NotImplementedError, match=next(iter(unknown))):
        table.get_item(Key=KEY, **unknown)


def test_index_holds_items_with_its_keys_and_what_it_projects(table):
    for number, on in enumerate((3, 1, 2, None)):
        day = {} if on is None else {"on": on}
        table.put_item(Item={"pk": f"o{number}", "sk": "ORDER", "amount": number, "other": 1, **day})
    found = table.query(IndexName="by-day", KeyConditionExpression=Key("sk").eq("ORDER"), ScanIndexForward=False)
    assert [(item["pk"], item["on"]) for item in found["Items"]] == [("o0", 3), ("o2", 2), ("o1", 1)]
    assert found["Items"][0].keys() == {"pk", "sk", "on", "amount"}


@pytest.mark.parametrize("forward", [True, False])
def test_pages_end_at_their_limit_and_go_on_after_their_key(table, forward):
    for number in range(4):
        table.put_item(Item={"pk": "o1", "sk": f"{number}"})
    asked = {"KeyConditionExpression": Key("pk").eq("o1") & Key("sk").gt("0"), "ScanIndexForward": forward}
    pages = table.meta.client.get_paginator("query").paginate(
        TableName="orders", PaginationConfig={"PageSize": 1}, **asked
    )
    found = [[item["sk"] for item in page["Items"]] for page in pages]
    # The page that ends at its limit does not know that it is the last one.
    assert found == ([["1"], ["2"], ["3"], []] if forward else [["3"], ["2"], ["1"], []])


def test_scan_finds_each_item_once_while_others_are_deleted(table):
    for number in range(20):
        table.put_item(Item={"pk": f"o{number}", "sk": "ORDER"})
    found, start = [], {}
    while not found or start:
        page = table.scan(Limit=3, ProjectionExpression="pk", **start)
        found += [item["pk"] for item in page["Items"]]
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]} if "LastEvaluatedKey" in page else {}
        for key in found:
            table.delete_item(Key={"pk": key, "sk": "ORDER"})
    assert sorted(found) == sorted({f"o{number}" for number in range(20)}) and found != sorted(found)


def test_page_ends_before_a_megabyte(table):
    for number in range(4):
        table.put_item(Item={"pk": "o1", "sk": f"{number}", "text": "x" * 300_000})
    assert table.query(KeyConditionExpression=Key("pk").eq("o1"), Select="COUNT")["Count"] == 3


def test_stream_records_what_changes(table, database):
    put(table)
    put(table)
    put(table, paid=1)
    table.delete_item(Key=KEY)
    table.delete_item(Key=KEY)
    records = [record.event() for record in database.table("orders").stream]
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    change = records[1]["dynamodb"]
    assert change["Keys"] == {"pk": {"S": "o1"}, "sk": {"S": "ORDER"}}
    assert (change["OldImage"]["paid"], change["NewImage"]["paid"]) == ({"BOOL": True}, {"N": "1"})
    assert "OldImage" not in records[0]["dynamodb"] and "NewImage" not in records[2]["dynamodb"]
    assert len({record["dynamodb"]["SequenceNumber"] for record in records}) == 3
    assert records[0]["eventSourceARN"].startswith("arn:aws:dynamodb:eu-central-1:123456789012:table/orders/stream/")


def test_restored_database_is_as_it_was(table, database):
    put(table)
    state, before = database.snapshot(), database.contents()
    put(table, amount=6, on=3)
    put(table, sk="EVENT")
    database.restore(state)
    assert database.contents() == before and len(database.table("orders").stream) == 1
    assert table.query(IndexName="by-day", KeyConditionExpression=Key("sk").eq("EVENT"))["Count"] == 0
    database.clear()
    assert database.contents() == {"orders": []} and database.table("orders").stream == []


def test_hook_is_given_each_call_and_can_lose_its_answer(database):
    calls = []

    def lost(operation, tables, call):
        calls.append((operation, tables))
        call()
        raise client_error(operation, "InternalServerError", "lost", status=500)

    with pytest.raises(ClientError, match="InternalServerError"):
        database.client(around=lost).transact_write_items(TransactItems=[PUT])
    assert calls == [("TransactWriteItems", ("orders",))] and database.contents() == {"orders": [ITEM]}


def test_batches_read_and_write_items(client, database):
    keys = [{"pk": f"o{number}", "sk": "ORDER"} for number in range(3)]
    client.batch_write_item(RequestItems={"orders": [{"PutRequest": {"Item": key | {"a": 1}}} for key in keys]})
    found = client.batch_get_item(RequestItems={"orders": {"Keys": [*keys, KEY | {"sk": "none"}]}})
    assert sorted(item["pk"] for item in found["Responses"]["orders"]) == ["o0", "o1", "o2"]
    with pytest.raises(ClientError, match="duplicates"):
        client.batch_get_item(RequestItems={"orders": {"Keys": [KEY, KEY]}})
