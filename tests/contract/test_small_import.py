"""Small imports: the Express workflow and the queue, which takes over, write each row once, however often they run."""

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from chalicelib.inventory.model import Stock
from chalicelib.platform.workflows import Workflow, WorkflowUnavailable
from chalicelib.product_import.model import (
    SMALL_FILE,
    SMALL_ROWS,
    FileNotUploaded,
    FileRefused,
    Format,
    ImportNotFound,
    ImportStatus,
    NotSmall,
)
from tests.contract.product_imports import BUCKET, ShopOfImports, a_file

ARN = "arn:aws:states:eu-central-1:1:stateMachine:small"


@pytest.fixture
def shop(dynamodb, imports_s3, new_table, clock):
    return ShopOfImports(dynamodb, imports_s3, new_table, clock)


@pytest.fixture
def upload(shop):
    """Return a function that uploads a file for a new small import and returns the upload."""

    def of(content):
        asked, form = shop.imports.ask(Format.CSV, small=True)
        shop.s3.put_object(Bucket=BUCKET, Key=form.fields["key"], Body=content)
        return shop.files.uploaded(asked)

    return of


def test_small_import_ends_while_its_caller_waits(shop, upload):
    found = shop.imports.run(upload(a_file(bad={3, 20})).import_id)
    assert (found.status, found.written, found.failed) == (ImportStatus.DONE, 23, 2)
    assert [row["line"] for row in shop.report(found.import_id)] == ["5", "22"]
    assert shop.stock(24) == Stock(sku="POT-24", available=2, received=2)
    assert len(shop.published) == 1


@pytest.mark.parametrize("order", [list, reversed, sorted], ids=["in turn", "backwards", "side by side"])
def test_small_import_that_runs_twice_at_once_writes_each_row_once(shop, upload, order):
    """An asynchronous Express execution runs at least once: AWS Step Functions developer guide, "Choosing workflow type
    in Step Functions", execution guarantees."""
    shop.workflow.times, shop.workflow.order = 2, order
    import_id = upload(a_file(bad={1}).replace(b",stock", b",received")).import_id
    shop.imports.run(import_id)
    assert shop.counts(import_id) == (25, 24, 0, 1) and shop.status(import_id) == ImportStatus.DONE
    assert {shop.stock(number).received for number in range(25) if number != 1} == {2}
    assert len({event.id for event in shop.published}) == 1


def test_small_import_that_runs_again_changes_nothing(shop, upload):
    import_id = upload(a_file()).import_id
    first = shop.imports.run(import_id)
    shop.sell("ord_1", {"POT-0": 1})
    assert shop.imports.run(import_id) == first
    assert shop.stock(0) == Stock(sku="POT-0", available=1, sold=1, received=2)


@pytest.mark.parametrize("written", [0, 1, 3])
def test_queue_ends_a_small_import_that_broke_off(shop, upload, written):
    """After an execution that failed, ran out of time or was lost, and after one that nobody started."""
    found = upload(a_file(bad={1}))
    for number in shop.reader.read(found)[:written]:
        shop.writer.write_numbered(found, number)
    shop.splitter.split(found)
    shop.work()
    assert shop.counts(found.import_id) == (25, 24, 0, 1) and shop.status(found.import_id) == ImportStatus.DONE
    assert len(shop.published) == 1


def test_queue_passes_over_a_small_import_that_has_ended(shop, upload):
    found = upload(a_file())
    shop.imports.run(found.import_id)
    shop.splitter.split(found)
    assert shop.sqs.batches == []


def test_run_again_ends_an_import_whose_last_batch_is_counted(shop, upload, monkeypatch):
    found = upload(a_file())
    monkeypatch.setattr(shop.store, "end", lambda *arguments: False)
    shop.imports.run(found.import_id)
    monkeypatch.undo()
    assert shop.imports.run(found.import_id).status == ImportStatus.DONE


def test_small_import_and_queue_report_the_same_rows(shop, upload):
    content = a_file(bad={3, 20}) + b'\n"oops"x\n\n,,,\n'
    small, queued = upload(content).import_id, shop.split(content)
    shop.imports.run(small)
    shop.work()
    assert shop.report(small) == shop.report(queued) and len(shop.report(small)) == 3


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "empty"), (b"sku\n" + b"x\n" * (SMALL_ROWS + 1), "at most 500 rows"), (b"sku\n", "no rows")],
    ids=["empty", "too many rows", "header only"],
)
def test_small_file_that_is_refused_fails_its_import(shop, upload, content, reason):
    found = shop.imports.run(upload(content).import_id)
    assert found.status == ImportStatus.FAILED and reason in found.reason


def test_file_that_is_replaced_meanwhile_is_refused(shop, upload):
    found = upload(a_file())
    shop.reader.read(found)
    shop.s3.put_object(Bucket=BUCKET, Key=found.key, Body=a_file(rows=2))
    with pytest.raises(FileRefused):
        shop.writer.write_numbered(found, 0)


def test_run_needs_a_small_import_and_its_file(shop):
    with pytest.raises(ImportNotFound):
        shop.imports.run("imp_" + "0" * 32)
    with pytest.raises(NotSmall):
        shop.imports.run(shop.imports.ask(Format.CSV)[0].import_id)
    with pytest.raises(FileNotUploaded):
        shop.imports.run(shop.imports.ask(Format.CSV, small=True)[0].import_id)


def test_form_of_a_small_import_leads_to_its_own_folder(shop):
    asked, form = shop.imports.ask(Format.JSONL, small=True)
    assert form.fields["key"] == f"uploads/small/{asked.import_id}.jsonl"
    assert shop.imports.get(asked.import_id).small and SMALL_FILE < 256 * 1024


class FakeStepFunctions:
    def __init__(self, failure=None):
        self.failure, self.calls = failure, []

    def start_sync_execution(self, **call):
        self.calls.append(call)
        if self.failure:
            raise self.failure
        return {"status": "FAILED"}


@pytest.mark.parametrize("failure", [None, ReadTimeoutError(endpoint_url="states")], ids=["failed", "too slow"])
def test_run_returns_even_if_its_execution_fails(failure):
    """The call succeeds even if the execution fails: AWS Step Functions API reference, StartSyncExecution."""
    fake = FakeStepFunctions(failure)
    Workflow(fake, ARN).run({"key": "uploads/small/imp_1.csv", "etag": "1"})
    assert fake.calls == [{"stateMachineArn": ARN, "input": '{"key": "uploads/small/imp_1.csv", "etag": "1"}'}]


def test_workflow_that_does_not_start_is_unavailable():
    fake = FakeStepFunctions(ClientError({"Error": {"Code": "ThrottlingException"}}, "StartSyncExecution"))
    with pytest.raises(WorkflowUnavailable):
        Workflow(fake, ARN).run({})
