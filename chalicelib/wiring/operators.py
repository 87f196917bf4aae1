"""Composition of what operators do with orders."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.platform import aws
from chalicelib.platform.clock import utc_now
from chalicelib.platform.settings import settings

if TYPE_CHECKING:
    from chalicelib.orders.finding import OrderSearch
    from chalicelib.orders.operator_actions import OperatorActions
    from chalicelib.orders.totals import OrderTotals
    from chalicelib.reporting.client import Reports


@cache
def operator_actions() -> OperatorActions:
    from chalicelib.orders.operator_actions import OperatorActions
    from chalicelib.orders.store import OrderStore

    return OperatorActions(OrderStore(aws.dynamodb(), settings().orders_table), utc_now)


@cache
def order_totals() -> OrderTotals:
    from chalicelib.orders.totals import OrderTotals

    return OrderTotals(aws.dynamodb(), settings().orders_table)


@cache
def order_search() -> OrderSearch:
    from chalicelib.orders.finding import OrderSearch

    return OrderSearch(aws.dynamodb(), settings().orders_table)


@cache
def reports() -> Reports:
    from chalicelib.reporting.client import Reports

    return Reports(aws.lambda_for_long_calls(), settings().reports_function)
