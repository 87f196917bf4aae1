"""Reporting store: writes the read model so that duplicates and late messages change nothing.

Each aggregate has a version. Its row is written only if the version is not older than the stored one; the rows that
belong to it are replaced in the same transaction. The same version is written again, so that a rebuild repairs rows.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.dialects.postgresql import Insert, insert

from chalicelib.events.envelope import EventId
from chalicelib.platform.ids import OrderId
from chalicelib.reporting.model import OrderRows, PaymentRows, ProductRow, StockMovementRow
from chalicelib.reporting.sql.tables import (
    order_lines,
    orders,
    payments,
    products,
    projected_events,
    refunds,
    stock_movements,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from chalicelib.reporting.sql.database import Database


class ReportingStore:
    def __init__(self, database: "Database") -> None:
        self._database = database

    def save(
        self,
        order: OrderRows,
        payment: PaymentRows | None,
        sold: Sequence[ProductRow],
        event_id: EventId | None = None,
    ) -> bool:
        """Write an order, its payment and its products. Return False if this event was projected before."""

        def write(connection: Connection) -> bool:
            if event_id and not _note(connection, event_id, order.order.order_id):
                return False
            _save_order(connection, order)
            if payment and _upsert(connection, payments, payment.payment):
                _replace(connection, refunds, payment.payment.order_id, payment.refunds)
            for product in sold:
                _upsert(connection, products, product)
            return True

        return self._database.run(write)

    def add_movements(self, movements: Sequence[StockMovementRow]) -> None:
        """Write stock adjustments. One that is there already is unchanged: nothing changes an adjustment."""
        self._database.run(lambda connection: _insert_new(connection, stock_movements, movements))

    def count(self) -> dict[str, int]:
        """Return the number of rows of each table."""
        tables = (orders, order_lines, payments, refunds, products, stock_movements)

        def counted(connection: Connection) -> dict[str, int]:
            return {
                table.name: connection.execute(select(func.count()).select_from(table)).scalar_one() for table in tables
            }

        return self._database.run(counted)


def _note(connection: Connection, event_id: EventId, order_id: OrderId) -> bool:
    """Return whether this event is new."""
    note = insert(projected_events).values(event_id=event_id, order_id=order_id)
    return _is_written(connection, note.on_conflict_do_nothing(), projected_events)


def _save_order(connection: Connection, rows: OrderRows) -> None:
    if _upsert(connection, orders, rows.order):
        order_id = rows.order.order_id
        _replace(connection, order_lines, order_id, rows.lines)
        _replace(connection, stock_movements, order_id, rows.movements)


def _upsert(connection: Connection, table: Table, row: "DataclassInstance") -> bool:
    """Insert or replace a row unless a newer version is stored. Return whether it was written.

    The row stays locked until the end of the transaction, so a concurrent one waits, and then compares with it.
    """
    new = insert(table).values(asdict(row))
    keys = {column.name for column in table.primary_key}
    others = {column.name: new.excluded[column.name] for column in table.columns if _is_set(column, keys)}
    guarded = new.on_conflict_do_update(
        index_elements=sorted(keys), set_=others, where=new.excluded.version >= table.c.version
    )
    return _is_written(connection, guarded, table)


def _is_written(connection: Connection, statement: Insert, table: Table) -> bool:
    """Execute an insert of one row. Return whether it was inserted or updated."""
    return connection.execute(statement.returning(*table.primary_key)).first() is not None


def _is_set(column: Any, keys: set[str]) -> bool:
    return column.name not in keys and column.computed is None


def _replace(connection: Connection, table: Table, order_id: OrderId, rows: Iterable["DataclassInstance"]) -> None:
    connection.execute(delete(table).where(table.c.order_id == order_id))
    if values := [asdict(row) for row in rows]:
        connection.execute(insert(table), values)


def _insert_new(connection: Connection, table: Table, rows: Iterable["DataclassInstance"]) -> None:
    if values := [asdict(row) for row in rows]:
        connection.execute(insert(table).on_conflict_do_nothing(), values)
