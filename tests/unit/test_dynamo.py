"""Contention in DynamoDB: a write that others hinder is retried, and never looks like a condition that failed."""

import ast
from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from chalicelib.inventory.store import InventoryStore
from chalicelib.platform import retries
from chalicelib.platform.dynamo import (
    CONTENTION_ATTEMPTS,
    Read,
    TableBusy,
    batch_put,
    is_accepted,
    read_together,
    transact,
)
from infra.build.template import ROOT

CONDITION, CONFLICT = "ConditionalCheckFailed", "TransactionConflict"
NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def slept(monkeypatch):
    """Record the pauses instead of sleeping."""
    pauses = []
    monkeypatch.setattr(retries, "sleep", pauses.append)
    return pauses


def refused(code, *reasons):
    answer = {"Error": {"Code": code, "Message": ""}, "CancellationReasons": [{"Code": reason} for reason in reasons]}
    return ClientError(answer, "Write")


def cancelled(*reasons):
    return refused("TransactionCanceledException", *reasons)


class Table:
    """A DynamoDB client that raises the given errors, then answers."""

    def __init__(self, *errors):
        self.errors = list(errors)
        self.calls = 0

    def write(self, **request):
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return {"Attributes": {}}

    transact_write_items = put_item = update_item = write


@pytest.mark.parametrize("reason", [CONFLICT, "ThrottlingError", "ProvisionedThroughputExceeded"])
def test_transaction_is_retried_while_only_contention_cancels_it(reason, slept):
    table = Table(*[cancelled("None", reason)] * (CONTENTION_ATTEMPTS - 1))
    transact(table, [])
    assert table.calls == CONTENTION_ATTEMPTS
    assert len(slept) == CONTENTION_ATTEMPTS - 1


@pytest.mark.parametrize("error", [cancelled(CONFLICT), refused("TransactionConflictException")])
def test_lasting_contention_is_unavailability_and_no_failed_condition(error):
    table = Table(*[error] * CONTENTION_ATTEMPTS)
    with pytest.raises(TableBusy):
        is_accepted(table.write)


@pytest.mark.parametrize(
    "error",
    [
        cancelled("ValidationError"),
        refused("ValidationException"),
        refused("AccessDeniedException"),
    ],
)
def test_unrelated_refusal_of_dynamodb_is_raised_at_once(error):
    table = Table(error)
    with pytest.raises(ClientError) as raised:
        transact(table, [])
    assert raised.value is error
    assert table.calls == 1


def test_transaction_returns_the_position_of_a_failed_condition_beside_a_conflict():
    table = Table(cancelled(CONFLICT, "None", CONDITION))
    assert transact(table, []) == [2]
    assert table.calls == 1


def test_single_write_that_meets_a_transaction_is_retried():
    assert is_accepted(Table(*[refused("TransactionConflictException")] * 3).write)


def test_reservation_under_contention_is_neither_refused_nor_out_of_stock():
    """Each write of the saga's stock meets a transaction of another order first."""
    table = Table(cancelled("None", CONFLICT), cancelled(CONFLICT, "None"))
    assert InventoryStore(table, "stock").reserve("ord_1", {"MUG": 1}, NOW)
    assert InventoryStore(Table(refused("TransactionConflictException")), "stock").commit("ord_1", NOW)


def test_batch_that_a_throttled_table_answers_in_part_is_asked_for_again(slept):
    class Throttled:
        def batch_get_item(self, RequestItems):
            first, *rest = RequestItems["table"]["Keys"]
            left = {"table": RequestItems["table"] | {"Keys": rest}} if rest else {}
            return {"Responses": {"table": [first]}, "UnprocessedKeys": left}

    keys = [{"pk": str(number)} for number in range(4)]
    assert read_together(Throttled(), Read("table", keys, list)) == (keys,)
    assert len(slept) == 3


def test_batch_that_a_throttled_table_writes_in_part_is_written_to_its_end(slept):
    stored = []

    class Throttled:
        def batch_write_item(self, RequestItems):
            first, *rest = RequestItems["table"]
            stored.append(first["PutRequest"]["Item"])
            return {"UnprocessedItems": {"table": rest} if rest else {}}

    items = [{"pk": str(number)} for number in range(4)]
    batch_put(Throttled(), "table", items)
    assert (stored, len(slept)) == (items, 3)


class Recording:
    """Tables in which each key's item is the key."""

    def __init__(self):
        self.asked = []

    def batch_get_item(self, RequestItems):
        self.asked.append({table: (len(keys["Keys"]), keys["ConsistentRead"]) for table, keys in RequestItems.items()})
        return {"Responses": {table: keys["Keys"] for table, keys in RequestItems.items()}, "UnprocessedKeys": {}}


def test_reads_of_several_tables_are_one_request():
    tables = Recording()
    ones, others = [{"pk": "1"}], [{"id": "2"}, {"id": "3"}]

    assert read_together(tables, Read("one", ones, list), Read("other", others, len, consistent=False)) == (ones, 2)
    assert tables.asked == [{"one": (1, True), "other": (2, False)}]


def test_reads_without_keys_make_no_request():
    tables = Recording()
    assert read_together(tables, Read("one", [], list)) == ([],)
    assert tables.asked == []


def test_more_keys_than_a_request_takes_are_asked_for_in_several():
    """API reference, `BatchGetItem`: up to 100 items of one or more tables."""
    tables = Recording()
    keys = [{"pk": str(number)} for number in range(70)]

    assert read_together(tables, Read("one", keys, len), Read("other", keys, len)) == (70, 70)
    assert tables.asked == [{"one": (70, True), "other": (30, True)}, {"other": (40, True)}]


def test_transactions_are_written_by_the_shared_function_only():
    """Every room's transactions are retried under contention."""
    callers = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "chalicelib").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr == "transact_write_items"
    }
    assert callers == {"chalicelib/platform/dynamo.py"}


def test_tables_are_scanned_by_operators_only_and_one_sparse_index():
    """A scan costs as much as the table is large. `catalog/store.py` scans when a release changes the indexes,
    `reporting/rebuild.py` when an operator rebuilds the reporting database, and `events/outbox.py` an index that holds
    unpublished events only."""
    scans = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "chalicelib").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (isinstance(node, ast.Constant) and node.value == "scan")
        or (isinstance(node, ast.Attribute) and node.attr == "scan")
    }
    names = {path.removeprefix("chalicelib/") for path in scans}
    assert names == {"catalog/store.py", "events/outbox.py", "reporting/rebuild.py"}
