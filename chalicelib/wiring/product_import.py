"""Composition of the product import: only its own route and functions import this."""

from functools import cache

from chalicelib import wiring
from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings
from chalicelib.platform.workflows import Workflow
from chalicelib.product_import.files import ImportFiles
from chalicelib.product_import.service import ProductImports
from chalicelib.product_import.splitting import LargeReader, RowsQueue, SmallReader, Splitter
from chalicelib.product_import.store import ImportStore
from chalicelib.product_import.writing import Writer


def _store() -> ImportStore:
    return ImportStore(aws.dynamodb(), settings().imports_table, utc_now)


def _files() -> ImportFiles:
    return ImportFiles(aws.s3_for_addresses(), settings().imports_bucket)


@cache
def imports() -> ProductImports:
    small = Workflow(aws.stepfunctions_for_long_calls(), settings().import_small_machine_arn)
    return ProductImports(_store(), _files(), small, utc_now)


@cache
def splitter() -> Splitter:
    queue = RowsQueue(aws.sqs(), settings().import_rows_queue_url)
    large = Workflow(aws.stepfunctions(), settings().import_large_machine_arn)
    return Splitter(_store(), _files(), queue, large, settings().import_queued_rows, utc_now)


@cache
def large_reader() -> LargeReader:
    return LargeReader(_store(), _files(), utc_now)


@cache
def small_reader() -> SmallReader:
    return SmallReader(_store(), _files(), utc_now)


@cache
def writer() -> Writer:
    return Writer(_store(), _files(), wiring.catalog(), wiring.inventory(), wiring.publisher().publish, utc_now)
