"""Create the read model, and the two roles that functions connect as."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0001"
down_revision = None

# `rds_iam` lets a role sign in with a token of IAM: Amazon Aurora user guide, "Creating a database account using IAM
# authentication". A role belongs to the whole server, so another database may have created it.
ROLE = """
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{name}') THEN
    CREATE ROLE {name} LOGIN;
    GRANT rds_iam TO {name};
  END IF;
END $$
"""
# A longer report is of no use: the API does not wait for it. Set for the role, because a client that sets it is pinned
# to one of the proxy's connections.
LIMIT = "ALTER ROLE reporting_reader SET statement_timeout = '10s'"
ROLES = {"reporting_projector": "SELECT, INSERT, UPDATE, DELETE", "reporting_reader": "SELECT"}


def upgrade() -> None:
    _create_orders()
    _create_payments()
    _create_the_rest()
    for name, rights in ROLES.items():
        op.execute(ROLE.format(name=name))
        op.execute(f"GRANT {rights} ON ALL TABLES IN SCHEMA public TO {name}")
        op.execute(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT {rights} ON TABLES TO {name}")
    op.execute(LIMIT)


def _text(name: str, nullable: bool = False, is_key: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable, primary_key=is_key)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _amount(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _create_orders() -> None:
    searched = sa.Computed("to_tsvector('english'::regconfig, search_text)", persisted=True)
    op.create_table(
        "orders",
        _text("order_id", is_key=True),
        _number("version"),
        _text("number"),
        _text("status"),
        _text("reason", nullable=True),
        _text("country"),
        _text("customer_id", nullable=True),
        _text("currency"),
        _amount("total"),
        _text("variant", nullable=True),
        sa.Column("is_sold", sa.Boolean, nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("placed_on", sa.Date, nullable=False),
        _text("search_text"),
        sa.Column("search", TSVECTOR, searched),
    )
    op.create_index("orders_by_search", "orders", ["search"], postgresql_using="gin")
    op.create_index("orders_by_time", "orders", ["placed_at", "order_id"])
    op.create_index("orders_by_customer", "orders", ["customer_id"])
    op.create_table(
        "order_lines",
        _text("order_id", is_key=True),
        _text("sku", is_key=True),
        _text("name"),
        _number("quantity"),
        _amount("unit_price"),
        _amount("net"),
        _number("returned"),
        _amount("refunded"),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], ondelete="CASCADE"),
    )
    op.create_index("order_lines_by_sku", "order_lines", ["sku"])


def _create_payments() -> None:
    op.create_table(
        "payments",
        _text("order_id", is_key=True),
        _number("version"),
        _text("status"),
        _amount("captured"),
        _amount("refunded"),
        _amount("refunded_outside"),
        _amount("lost"),
        sa.Column("is_disputed", sa.Boolean, nullable=False),
    )
    op.create_table(
        "refunds",
        _text("order_id", is_key=True),
        _text("refund_id", is_key=True),
        _amount("amount"),
        _text("status"),
        _text("return_id", nullable=True),
        sa.ForeignKeyConstraint(["order_id"], ["payments.order_id"], ondelete="CASCADE"),
    )


def _create_the_rest() -> None:
    op.create_table("products", _text("sku", is_key=True), _number("version"), _text("name"), _text("category"))
    op.create_table(
        "stock_movements",
        _text("movement_id", is_key=True),
        _text("order_id", nullable=True),
        _text("sku"),
        _text("kind"),
        _number("units"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.order_id"], ondelete="CASCADE"),
    )
    op.create_index("stock_movements_by_order", "stock_movements", ["order_id"])
    op.create_index("stock_movements_by_sku", "stock_movements", ["sku", "at"])
    op.create_table("projected_events", _text("event_id", is_key=True), _text("order_id"))
