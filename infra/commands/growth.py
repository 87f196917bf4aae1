"""Growth benchmark: capacity units and latency of each operation with few and with many orders and products stored.

Judged is what AWS bills, in DynamoDB's units: each operation must use as many with 20,000 orders as with 100, unless it
is known to grow, up to a limit. The times are the emulator's, which sorts a whole index partition for each query.
"""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from chalicelib.catalog.service import Catalog
from chalicelib.catalog.store import ProductStore
from infra.commands import bench
from infra.commands.client import Buyer, Refused, Reply, StillRunning
from infra.commands.output import styled
from infra.local.place import ADMIN, CUSTOMER, STACK
from infra.local.temporary import TemporaryShop, temporary_shop
from infra.seed import clones
from infra.seed.seed import PRODUCTS

ORDERS = (100, 20_000)
CATALOG = (100, 1_000)
CALLS = 30
"""Of each kind, one after the other."""
TOLERANCE, ROUNDING = 1.1, 0.5
"""Names differ by some characters, so that a page of the same length may just reach DynamoDB's next step of 4 KB."""
SEARCHED = 40
"""The clone that is searched for. It has a rare name."""
CUSTOMERS_EVERY, CANCELLED_EVERY, RETURNED_EVERY = 3, 20, 25
PATIENCE_SECONDS = 60
UNITS = ("read_unit", "write_unit")
"""As the meter names them."""
PLOT = bench.ROOT / "docs" / "images" / "growth.svg"


@dataclass(frozen=True)
class Units:
    """DynamoDB's capacity units that the API's own function uses for one request."""

    read: float
    write: float

    @property
    def total(self) -> float:
        return self.read + self.write

    def is_flat(self, few: "Units") -> bool:
        """Return whether these are no more than those with few orders."""
        return self.read <= few.read * TOLERANCE + ROUNDING and self.write <= few.write

    def __str__(self) -> str:
        return f"{self.read:g} R" + (f" {self.write:g} W" if self.write else "")


@dataclass(frozen=True)
class Operation:
    """A request, and what must come before each. `most` is the units to which it may grow; None: not at all."""

    call: Callable[[], Reply]
    before: Callable[[], object] = lambda: None
    most: float | None = None


@dataclass(frozen=True)
class Growth:
    """What an operation used with few and with many orders: units, and median milliseconds."""

    units: tuple[Units, Units]
    ms: tuple[float, float]
    most: float | None = None

    @property
    def is_bounded(self) -> bool:
        few, many = self.units
        return many.is_flat(few) if self.most is None else many.total <= self.most


def problems(grown: dict[str, Growth]) -> list[str]:
    """Return a text for each operation that uses more units than it may."""
    return [
        f"{name}: {each.units[0]} with {ORDERS[0]} orders, {each.units[1]} with {ORDERS[1]:,}"
        for name, each in grown.items()
        if not each.is_bounded
    ]


def grow(console: Console, out: Path | None, record: bool) -> int:
    """Measure a temporary shop at both sizes; print, write and draw it. Return 1 if an operation grows."""
    with temporary_shop(lambda line: console.print(f"  {line}")) as place:
        grown = _measured(console, place)
    console.print(table(grown))
    written = bench.COMMITTED if record else out or bench.ROOT / ".local" / "growth.json"
    plot = PLOT if record else written.with_suffix(".svg")
    write(grown, written)
    draw(grown, plot)
    console.print(f"  {written}\n  {plot}")
    if found := problems(grown):
        console.print(styled(f"Not flat: {'; '.join(found)}", "red"))
    return 1 if found else 0


def _measured(console: Console, place: TemporaryShop) -> dict[str, Growth]:
    filling = _Filling(console, place)
    operations = filling.operations()
    taken = []
    for orders, products in zip(ORDERS, CATALOG, strict=True):
        filling.to(orders, products)
        console.print(f"  {CALLS} calls of each kind …")
        taken.append({name: _taken(place, filling.role, name, each) for name, each in operations.items()})
    few, many = taken
    return {
        name: Growth((few[name][0], many[name][0]), (few[name][1], many[name][1]), each.most)
        for name, each in operations.items()
    }


def _taken(place: TemporaryShop, role: str, name: str, operation: Operation) -> tuple[Units, float]:
    """Return the units of one call, and the median milliseconds of all others, which are not metered."""

    def call() -> float:
        began = time.monotonic()
        reply = operation.call()
        took = time.monotonic() - began
        if reply.status >= 400:
            raise Refused(f"{name}: {reply.status} {reply.body}")
        return took

    median = statistics.median((operation.before(), call())[1] for _ in range(CALLS))
    operation.before()
    place.billed.write_text("")
    call()
    lines = [json.loads(each) for each in place.billed.read_text().splitlines()]
    place.billed.unlink()
    used = {unit: sum(each["count"] for each in lines if (each["unit"], each["by"]) == (unit, role)) for unit in UNITS}
    return Units(*used.values()), 1000 * median


class _Filling:
    """The stored orders and products of a temporary shop."""

    def __init__(self, console: Console, place: TemporaryShop) -> None:
        self._console = console
        self._outputs = place.outputs
        self._session = place.place.session
        self._db = cast(Any, self._session.resource("dynamodb").meta.client)
        self._guest = Buyer(place.outputs["PublicApiUrl"])
        self._customer = self._guest.signed_in(CUSTOMER.email, CUSTOMER.password)
        self._admin = self._guest.signed_in(ADMIN.email, ADMIN.password)
        self._orders, self._products = 0, len(json.loads(PRODUCTS.read_text()))
        self.role = self._role_of("APIHandler")
        self._buy()
        self._pause_streams()

    def _role_of(self, function: str) -> str:
        described = self._session.client("cloudformation").describe_stack_resource(
            StackName=STACK, LogicalResourceId=function
        )
        name = described["StackResourceDetail"]["PhysicalResourceId"]
        return str(self._session.client("lambda").get_function_configuration(FunctionName=name)["Role"].split("/")[-1])

    def _buy(self) -> None:
        """Buy the orders that are cloned: of a customer, of a guest, a cancelled one, a returned one."""
        self._console.print("  buying the orders that are cloned …")
        self._admin.must("PUT", f"/admin/products/{bench.SKU}", bench.PRODUCT)
        self._admin.must("POST", f"/admin/stock/{bench.SKU}", {"delta": 10})
        cards = ["pm_card_visa", "pm_card_visa", "pm_card_visa_chargeDeclined"]
        self._completed, returned, cancelled = [self._guest.buy(bench.SKU, card=card) for card in cards]
        customers = self._customer.buy(bench.SKU)
        for order in (self._completed, returned, cancelled):
            self._guest.ended(order)
        self._customer.ended(customers)
        self._give_back(returned)
        table = self._outputs["OrdersTableName"]
        found = (
            self._db.get_item(TableName=table, Key={"pk": f"ORDER#{each}", "sk": "ORDER"}, ConsistentRead=True)["Item"]
            for each in (customers, self._completed, cancelled, returned)
        )
        self._customers, self._guests, self._cancelled, self._returned = found

    def _give_back(self, order: str) -> None:
        """Return an order and wait for its end. Raises StillRunning."""
        self._guest.give_back(order)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._guest.order(order)["status"] != "RETURNED":
            if time.monotonic() > deadline:
                raise StillRunning(f"{order} is not RETURNED")
            time.sleep(0.2)

    def _pause_streams(self) -> None:
        """Let no function run for a clone, and none beside what is measured."""
        functions = self._session.client("lambda")
        for page in functions.get_paginator("list_event_source_mappings").paginate():
            for mapping in page["EventSourceMappings"]:
                if ":dynamodb:" in mapping["EventSourceArn"]:
                    functions.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)

    def to(self, orders: int, products: int) -> None:
        """Store more of both until there are so many. Show the progress and the time."""
        with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=self._console) as progress:
            add = progress.add_task(f"  {orders:,} orders", total=orders - self._orders)
            made = (clones.cloned(self._template(number), number) for number in range(self._orders, orders))
            clones.put_all(self._db, self._outputs["OrdersTableName"], made, lambda n: progress.advance(add, n))
            more = progress.add_task(f"  {products:,} products", total=products - self._products)
            store = ProductStore(self._db, self._outputs["ProductsTableName"], self._outputs["SearchTableName"])
            numbers = range(self._products, products)
            clones.add_products(Catalog(store), numbers, lambda n: progress.advance(more, n))
        self._orders, self._products = orders, products
        self._cursor = self._admin.must("GET", "/admin/orders")["next_cursor"]

    def _template(self, number: int) -> dict[str, Any]:
        if number % CUSTOMERS_EVERY == 0:
            return self._customers
        if number % CANCELLED_EVERY == 1:
            return self._cancelled
        return self._returned if number % RETURNED_EVERY == 1 else self._guests

    def operations(self) -> dict[str, Operation]:
        """Return the measured operations by name."""
        guest, admin = self._guest, self._admin
        address, name = clones.buyer_of(SEARCHED)
        number = clones.cloned(self._template(SEARCHED), SEARCHED)["number"]

        def next_page() -> Reply:
            return admin.call("GET", f"/admin/orders?cursor={self._cursor}")

        def search(**by: str) -> Callable[[], Reply]:
            return lambda: admin.call("POST", "/admin/orders/search", by)

        def get(buyer: Buyer, path: str) -> Callable[[], Reply]:
            return lambda: buyer.call("GET", path)

        opening = {"X-Order-Token": guest.order_tokens[self._completed]}
        return {
            "POST /orders": Operation(lambda: guest.check_out(), lambda: guest.put_in_cart(bench.SKU)),
            "GET /orders/{order_id}": Operation(
                lambda: guest.call("GET", f"/orders/{self._completed}", headers=opening)
            ),
            "GET /orders": Operation(get(self._customer, "/orders")),
            "GET /admin/orders": Operation(get(admin, "/admin/orders")),
            "GET /admin/orders?cursor=…": Operation(next_page),
            "GET /admin/orders?status=…": Operation(get(admin, "/admin/orders?status=COMPLETED")),
            "orders by number": Operation(search(text=number)),
            "orders by email": Operation(search(email=address)),
            "orders by a rare name": Operation(search(text=name)),
            "orders by a common name": Operation(search(text=clones.COMMON_NAME), most=25),
            "GET /admin/orders/totals": Operation(get(admin, "/admin/orders/totals?status=COMPLETED"), most=80),
            "GET /products": Operation(get(guest, "/products")),
            "GET /products?q=one+word": Operation(get(guest, "/products?q=lantern")),
            "GET /products?q=two+words": Operation(get(guest, "/products?q=blue+lantern"), most=60),
        }


def table(grown: dict[str, Growth]) -> Table:
    few, many = (f"{each:,}" for each in ORDERS)
    columns = ["operation", f"units\n{few}", f"units\n{many}", f"ms\n{few}", f"ms\n{many}", "ms\nratio"]
    title = f"{few} and {many} orders, {CATALOG[0]:,} and {CATALOG[1]:,} products"
    shown = Table(*columns, title=title, caption="R, W: read and write units of DynamoDB. ≤: what they may grow to.")
    for name, each in grown.items():
        limit = f" ≤ {each.most:g}" if each.most else ""
        before, after = each.ms
        units = (str(each.units[0]), f"{each.units[1]}{limit}")
        shown.add_row(name, *units, f"{before:.3g}", f"{after:.0f}", f"{after / before:.1f}")
    return shown


def write(grown: dict[str, Growth], path: Path) -> None:
    """Write the result into a file of benchmark results, beside what `bench` wrote there."""
    bench.write(path, bench.content(path) | {bench.GROWTH: {name: asdict(each) for name, each in grown.items()}})


def draw(grown: dict[str, Growth], path: Path) -> None:
    """Write a bar chart of the units with few and with many orders."""
    with bench.plot(path) as axes:
        rows = range(len(grown))
        for shift, size, place in ((-0.2, ORDERS[0], 0), (0.2, ORDERS[1], 1)):
            totals = [each.units[place].total for each in grown.values()]
            axes.barh([row + shift for row in rows], totals, 0.4, label=f"{size:,} orders")
        axes.set_yticks(list(rows), list(grown))
        axes.set_xlabel("capacity units of DynamoDB, read and write")
