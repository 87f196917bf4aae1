"""Stream batches: a failed batch of a DynamoDB stream is retried, split and discarded as its mapping says.

With `ReportBatchItemFailures` a batch is retried from the first failed record. With `BisectBatchOnFunctionError` a
batch that failed as a whole is split in two, which is no retry. After `MaximumRetryAttempts`, or once its oldest record
is older than `MaximumRecordAgeInSeconds`, a batch goes to the failure destination and the next one follows. A throttled
call is retried without being counted.
"""

import json
import time
from dataclasses import dataclass, replace
from typing import Any

from infra.local.strict.rule import Rule

UNLIMITED = -1


@dataclass(frozen=True)
class Batch:
    """Records of a stream from one position up to another, and how often they were tried again."""

    start: int
    end: int
    retries: int = 0

    def halves(self) -> list["Batch"]:
        middle = (self.start + self.end) // 2
        return [replace(self, end=middle), replace(self, start=middle)]


class StreamReader:
    """Reads the stream of one mapping; `waiting` are the parts of a batch that failed, in order."""

    def __init__(self) -> None:
        self.waiting: list[Batch] = []

    def next_batch(self, position: int, end: int, size: int) -> Batch:
        if self.waiting and self.waiting[0].start < position:
            self.waiting = []  # its records expired
        return self.waiting.pop(0) if self.waiting else Batch(position, min(end, position + size))

    def fail(self, batch: Batch, done: int, mapping: dict[str, Any], result: dict[str, Any]) -> bool:
        """Decide how the rest of a batch goes on; return whether it is discarded. `done` records succeeded."""
        if result.get("throttle"):
            self.waiting.insert(0, batch)
            return False
        rest = replace(batch, start=batch.start + done)
        if mapping.get("BisectBatchOnFunctionError") and result.get("error") and rest.end - rest.start > 1:
            self.waiting[:0] = rest.halves()
            return False
        if batch.retries >= _limit(mapping, "MaximumRetryAttempts"):
            return True
        self.waiting.insert(0, replace(rest, retries=rest.retries + 1))
        return False


def install() -> None:
    from ministack.services import lambda_svc as service

    readers: dict[str, StreamReader] = {}

    def poll() -> bool:
        """Start a read of each mapping that has records and none in progress: the queues' reader does not wait."""
        read = False
        for account, region, mapping in service._iter_all_esms():
            scope = service._request_account_id.set(account), service._request_region.set(region)
            try:
                identity, source = mapping["UUID"], mapping.get("EventSourceArn", "")
                is_free = mapping.get("Enabled", True) and not service._esm_inflight.get(identity)
                if is_free and ":dynamodb:" in source and _has_records(mapping):
                    reader = readers.setdefault(identity, StreamReader())
                    service._dispatch_esm_batch(identity, _read, mapping, reader)
                    read = True
            finally:
                service._request_account_id.reset(scope[0])
                service._request_region.reset(scope[1])
        return read

    service._poll_dynamodb_streams = poll


def _table(mapping: dict[str, Any]) -> str:
    source: str = mapping["EventSourceArn"]
    return source.split("/stream/")[0].rpartition("/")[2]


def _has_records(mapping: dict[str, Any]) -> bool:
    """Return whether the mapping's function can be invoked with records now."""
    from ministack.services import dynamodb
    from ministack.services import lambda_svc as service

    source, identity, table = mapping["EventSourceArn"], mapping["UUID"], _table(mapping)
    function, _ = service._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    if function is None or (dynamodb._tables.get(table) or {}).get("LatestStreamArn") != source:
        return False
    if service._esm_backoff_until.get(identity, 0) > time.time():
        return False
    service._init_stream_position(identity, source, mapping.get("StartingPosition", "LATEST"))
    position = max(service._dynamodb_stream_positions[identity], dynamodb.stream_start_position(table))
    return bool(position < dynamodb.stream_end_position(table))


def _read(mapping: dict[str, Any], reader: StreamReader) -> None:
    """Invoke the function with the next batch."""
    from ministack.services import dynamodb
    from ministack.services import lambda_svc as service

    source, identity, table = mapping["EventSourceArn"], mapping["UUID"], _table(mapping)
    function, _ = service._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
    positions, end = service._dynamodb_stream_positions, dynamodb.stream_end_position(table)
    position = max(positions[identity], dynamodb.stream_start_position(table))
    batch = reader.next_batch(position, end, mapping.get("BatchSize", 100))
    records = dynamodb.stream_records_since(table, batch.start, batch.end - batch.start)
    wanted = service._apply_filter_criteria(records, mapping)
    result = service._execute_function(function, {"Records": wanted}) if wanted else {}
    failed = _first_failed(result, wanted, mapping)
    if failed is None:
        positions[identity] = batch.end
        mapping["LastProcessingResult"] = f"OK - {len(wanted)} records"
        return
    rest = wanted[failed:]
    done = next(index for index, record in enumerate(records) if record is rest[0]) if failed else 0
    mapping["LastProcessingResult"] = "FAILED"
    aged = _age(rest) > _limit(mapping, "MaximumRecordAgeInSeconds")
    if aged or reader.fail(batch, done, mapping, result):
        condition = "MaxRecordAgeExceeded" if aged else "RetryAttemptsExhausted"
        service._send_ddb_stream_failure_record(mapping, function, rest, source, result, condition)
        positions[identity] = batch.end
        return
    positions[identity] = batch.start + done
    is_split = reader.waiting[0].end < batch.end
    if not is_split:
        service._esm_backoff_until[identity] = time.time() + service._ESM_BACKOFF_SECONDS


def _first_failed(result: dict[str, Any], records: list[dict[str, Any]], mapping: dict[str, Any]) -> int | None:
    """Return the index of the first record that failed, or None. An unknown identifier fails the whole batch."""
    if result.get("error"):
        return 0
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return None
    body = result.get("body")
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return None
    failures = body.get("batchItemFailures") if isinstance(body, dict) else None
    if not failures:
        return None
    order = [str(record["dynamodb"]["SequenceNumber"]) for record in records]
    reported = [str((each or {}).get("itemIdentifier")) for each in failures]
    return min(order.index(number) for number in reported) if set(reported) <= set(order) else 0


def _limit(mapping: dict[str, Any], name: str) -> float:
    value = mapping.get(name)
    return float("inf") if value in (None, UNLIMITED) else float(value)


def _age(records: list[dict[str, Any]]) -> float:
    return time.time() - min(float(record["dynamodb"]["ApproximateCreationDateTime"]) for record in records)


RULE = Rule(
    "stream_batches",
    "AWS Lambda developer guide: 'Configuring partial batch response with DynamoDB and Lambda', 'Retain discarded "
    "records for a DynamoDB event source in Lambda'; API reference: 'CreateEventSourceMapping'",
    install,
)
