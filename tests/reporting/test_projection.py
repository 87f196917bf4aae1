"""The reporting read model is the same however its events arrive: late, twice, in any order, from several consumers."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from chalicelib.orders.erasure import erased
from chalicelib.orders.model import Status
from chalicelib.platform.shop import shop
from chalicelib.reporting.model import rows_of_order, rows_of_payment, rows_of_products
from chalicelib.reporting.projector import OrderMissing, Projector
from chalicelib.reporting.sql.migrating import migrate
from chalicelib.reporting.sql.store import ReportingStore
from chalicelib.reporting.sql.tables import metadata
from tests.builders import NOW, an_event, an_order_in, as_read
from tests.postgres import content
from tests.reporting.history import history

SEEDS = (1, 2)


def day_of(at):
    return shop().day_of(at)


def save(database, moment):
    """Write what a consumer read at that moment, however late it comes to write it."""
    ReportingStore(database).save(
        rows_of_order(moment.order, day_of),
        rows_of_payment(moment.payment) if moment.payment else None,
        rows_of_products(moment.products[line.sku] for line in moment.order.lines),
        moment.event_id,
    )


def projector(database, moments):
    """Return a projector that reads the last of these moments of each order."""
    last = {moment.order.id: moment for moment in moments}
    products = moments[-1].products if moments else {}
    return Projector(
        ReportingStore(database),
        lambda order_id: last[order_id].order if order_id in last else None,
        lambda order_id: last[order_id].payment,
        lambda skus: {sku: products[sku] for sku in skus},
        day_of,
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_replayed_and_reordered_history_equals_a_rebuild_row_by_row(seed, new_database):
    made = history(seed, orders=8)
    deliveries = [*made.moments, *made.random.choices(made.moments, k=len(made.moments) // 2)]
    made.random.shuffle(deliveries)
    live, rebuilt = new_database(), new_database()
    for moment in deliveries:
        save(live, moment)
    projector(rebuilt, made.moments).rebuild(made.last)
    found, expected = content(live), content(rebuilt)
    # A rebuild reads products that changed after the last event of an order with them.
    assert {**found, "products": []} == {**expected, "products": []}
    assert len(found["orders"]) == 8 and found["refunds"] and found["stock_movements"]


def test_concurrent_consumers_leave_the_last_version_of_each_order(server):
    made = history(4, orders=6)
    place = server.new_place()
    deliveries = random.Random(4).sample(made.moments * 2, len(made.moments) * 2)

    def consume(consumer):
        database = server.open(place)
        for moment in deliveries[consumer::4]:
            save(database, moment)

    with ThreadPoolExecutor(4) as consumers:
        list(consumers.map(consume, range(4)))
    in_order = server.open(server.new_place())
    for moment in made.moments:
        save(in_order, moment)
    assert content(server.open(place)) == content(in_order)


def test_rebuild_repairs_rows_of_the_same_version(new_database):
    made, database = history(5, orders=3), new_database()
    projector(database, made.moments).rebuild(made.last)
    before = content(database)
    database.run(lambda connection: connection.execute(text("UPDATE orders SET country = 'XX'")))
    database.run(lambda connection: connection.execute(text("DELETE FROM order_lines")))
    assert projector(database, made.moments).rebuild(made.last) == 3
    assert content(database) == before


def test_event_is_projected_once(new_database):
    made, database = history(6, orders=1), new_database()
    store, moment = ReportingStore(database), made.moments[0]
    rows = rows_of_order(moment.order, day_of)
    assert store.save(rows, None, [], "evt_1")
    assert not store.save(rows, None, [], "evt_1")
    assert store.save(rows, None, [])


def test_event_about_no_order_is_not_consumed(new_database):
    with pytest.raises(OrderMissing):
        projector(new_database(), []).project(an_event())


def test_deleted_account_leaves_no_trace_of_its_customer(new_database):
    """Not in any column of any table: names and addresses are never written, and the customer's id goes."""
    database = new_database()
    order = as_read(an_order_in(Status.COMPLETED, customer_id="sub-of-ada"))
    store = ReportingStore(database)
    store.save(rows_of_order(order, day_of), None, [])
    written = repr(content(database))
    assert "sub-of-ada" in written and "ord_1" in written
    assert not any(personal in written for personal in ("Ada", "ada@", "Lovelace", "SW1Y", "pm_card"))
    store.save(rows_of_order(erased(order, NOW), day_of), None, [])
    assert "sub-of-ada" not in repr(content(database))


def test_late_message_does_not_restore_an_erased_customer(new_database):
    database = new_database()
    order = as_read(an_order_in(Status.COMPLETED, customer_id="sub-of-ada"))
    for version in (erased(order, NOW), order):
        ReportingStore(database).save(rows_of_order(version, day_of), None, [])
    assert "sub-of-ada" not in repr(content(database))


def test_migrations_create_the_tables_of_the_code_and_can_be_repeated(server):
    owner = server.open(server.new_place(user="reporting_owner"))
    assert owner.run(migrate) == "0001"
    differences = owner.run(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert [each for each in differences if "alembic_version" not in repr(each)] == []


def test_reader_may_not_write_and_has_ten_seconds(server):
    reader = server.open(server.new_place(user="reporting_reader"))
    assert reader.run(lambda connection: connection.execute(text("SELECT count(*) FROM orders")).scalar()) == 0
    assert reader.run(lambda connection: connection.execute(text("SHOW statement_timeout")).scalar()) == "10s"
    with pytest.raises(Exception, match="permission denied"):
        reader.run(lambda connection: connection.execute(text("DELETE FROM orders")))
