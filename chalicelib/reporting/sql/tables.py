"""Tables of the reporting read model. The migrations create them; a test compares both."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

SEARCHED = "to_tsvector('english'::regconfig, search_text)"
metadata = MetaData()


def _of_order(is_key: bool = False) -> Column[str]:
    return Column("order_id", Text, ForeignKey("orders.order_id", ondelete="CASCADE"), primary_key=is_key)


orders = Table(
    "orders",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("number", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("reason", Text),
    Column("country", Text, nullable=False),
    Column("customer_id", Text),
    Column("currency", Text, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("variant", Text),
    Column("is_sold", Boolean, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("placed_on", Date, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("search", TSVECTOR, Computed(SEARCHED, persisted=True)),
    Index("orders_by_search", "search", postgresql_using="gin"),
    Index("orders_by_time", "placed_at", "order_id"),
    Index("orders_by_customer", "customer_id"),
)

order_lines = Table(
    "order_lines",
    metadata,
    _of_order(is_key=True),
    Column("sku", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("quantity", Integer, nullable=False),
    Column("unit_price", BigInteger, nullable=False),
    Column("net", BigInteger, nullable=False),
    Column("returned", Integer, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Index("order_lines_by_sku", "sku"),
)

payments = Table(
    "payments",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("status", Text, nullable=False),
    Column("captured", BigInteger, nullable=False),
    Column("refunded", BigInteger, nullable=False),
    Column("refunded_outside", BigInteger, nullable=False),
    Column("lost", BigInteger, nullable=False),
    Column("is_disputed", Boolean, nullable=False),
)

refunds = Table(
    "refunds",
    metadata,
    Column("order_id", Text, ForeignKey("payments.order_id", ondelete="CASCADE"), primary_key=True),
    Column("refund_id", Text, primary_key=True),
    Column("amount", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    Column("return_id", Text),
)

products = Table(
    "products",
    metadata,
    Column("sku", Text, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("name", Text, nullable=False),
    Column("category", Text, nullable=False),
)

stock_movements = Table(
    "stock_movements",
    metadata,
    Column("movement_id", Text, primary_key=True),
    _of_order(),
    Column("sku", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("units", Integer, nullable=False),
    Column("at", DateTime(timezone=True), nullable=False),
    Index("stock_movements_by_order", "order_id"),
    Index("stock_movements_by_sku", "sku", "at"),
)

projected_events = Table(
    "projected_events",
    metadata,
    Column("event_id", Text, primary_key=True),
    Column("order_id", Text, nullable=False),
)
"""Events whose order was projected, so that a duplicate is no work."""
