"""Composition of the product import: only its own route and functions import this."""

from functools import cache

from chalicelib import wiring
from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings
from chalicelib.platform.workflows import Workflow
from chalicelib.product_import.files import ImportFiles
from chalicelib.product_import.service import ProductImports
from chalicelib.product_import.splitting import RowsQueue, SmallReader, Splitter
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
    return Splitter(_store(), _files(), queue, utc_now)


@cache
def small_reader() -> SmallReader:
    return SmallReader(_store(), _files(), utc_now)


@cache
def writer() -> Writer:
    return Writer(_store(), _files(), wiring.catalog(), wiring.inventory(), wiring.publisher().publish, utc_now)
