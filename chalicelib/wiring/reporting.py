"""Composition of the reporting read model's functions, which are deployed in a stack of their own.

Each function imports what it builds, as in `__init__.py`. The settings are those of that stack.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.platform import aws
from chalicelib.reporting.settings import reporting_settings

if TYPE_CHECKING:
    from chalicelib.reporting.projector import Projector
    from chalicelib.reporting.rebuild import Rebuild
    from chalicelib.reporting.sql.database import Database
    from chalicelib.reporting.sql.reports import ReportQueries


@cache
def database() -> Database:
    from botocore.httpsession import where

    from chalicelib.reporting.sql.database import Database, Place

    own = reporting_settings()
    # RDS Proxy has a certificate of Amazon Trust Services, whose roots boto3 brings along: Aurora user guide,
    # "Using TLS/SSL with RDS Proxy".
    place = Place(
        own.reporting_host,
        own.reporting_port,
        own.reporting_database,
        own.reporting_user,
        own.reporting_ssl_mode,
        where(),
    )

    def sign() -> str:
        return aws.rds().generate_db_auth_token(place.host, place.port, place.user)

    return Database(place, sign)


@cache
def projector() -> Projector:
    from chalicelib.catalog.store import ProductStore
    from chalicelib.orders.store import OrderStore
    from chalicelib.payments.store import PaymentStore
    from chalicelib.platform.shop import shop
    from chalicelib.reporting.projector import Projector
    from chalicelib.reporting.sql.store import ReportingStore

    own, dynamodb = reporting_settings(), aws.dynamodb()
    return Projector(
        ReportingStore(database()),
        OrderStore(dynamodb, own.orders_table).get,
        PaymentStore(dynamodb, own.payments_table).get,
        ProductStore(dynamodb, own.products_table, own.search_table).get_many,
        shop().day_of,
    )


@cache
def rebuild() -> Rebuild:
    from chalicelib.reporting.rebuild import Rebuild

    own = reporting_settings()
    return Rebuild(aws.dynamodb(), own.orders_table, own.inventory_table, projector())


def report_queries() -> ReportQueries:
    """Of today."""
    from chalicelib.platform.clock import utc_now
    from chalicelib.platform.shop import shop
    from chalicelib.reporting.sql.reports import ReportQueries

    return ReportQueries(database(), shop().day_of(utc_now()), shop().currency)
