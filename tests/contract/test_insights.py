"""What follows from a completed order is counted once and joined once, in any order and however often it comes."""

import threading
from datetime import datetime
from itertools import permutations

import pytest
from boto3.dynamodb.conditions import Key

from chalicelib.events.contracts import data_of
from chalicelib.events.envelope import Envelope
from chalicelib.insights.funnel import Counts, Step
from chalicelib.insights.model import Consequence, InsightsBusy, Sales, Sold
from chalicelib.insights.service import Insights
from chalicelib.insights.store import ATTEMPTS, InsightsStore, day_key
from chalicelib.orders.model import Status
from chalicelib.platform.clock import iso
from chalicelib.platform.shop import shop
from tests.builders import NOW, a_line, an_order, an_order_in
from tests.fakes import InConflict

TODAY = "2030-05-17"


@pytest.fixture
def table(new_table):
    return new_table("InsightsTable")


@pytest.fixture
def store(dynamodb, table):
    return InsightsStore(dynamodb, table)


@pytest.fixture
def insights(store, clock):
    return Insights(store, clock, shop().day_of)


@pytest.fixture
def told(dynamodb, table):
    """The events of an order in the outbox."""

    def events(order_id="ord_1"):
        in_outbox = Key("pk").eq(f"ORDER#{order_id}") & Key("sk").begins_with("EVENT#")
        items = dynamodb.query(TableName=table, KeyConditionExpression=in_outbox)["Items"]
        return [Envelope.model_validate(item["event"]) for item in items]

    return events


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr("chalicelib.insights.store.time.sleep", lambda seconds: None)


def completed(order_id="ord_1", customer_id="ada", lines=None):
    return an_order_in(Status.COMPLETED, order_id, customer_id=customer_id, lines=lines).pending_event


def returned(*wanted, customer_id="ada", lines=None):
    """The events of these returns, one after the other, of pieces by sku."""
    order = an_order_in(Status.COMPLETED, customer_id=customer_id, lines=lines)
    events = []
    for number, pieces in enumerate(wanted):
        order = order.return_requested(f"ret_{number}", pieces, NOW)
        order = order.return_settled(f"ret_{number}", order.return_of(f"ret_{number}").refund.amount, NOW)
        events.append(order.pending_event)
    return events


PARTS = {
    Consequence.POINTS: lambda insights, event: insights.earn_points(event, "ada"),
    Consequence.INVOICE: lambda insights, event: insights.invoice_written(event),
    Consequence.SALES: lambda insights, event: insights.count_sales(event),
    Consequence.AFFINITY: lambda insights, event: insights.learn_affinity(event),
}


class TestJoin:
    @pytest.mark.parametrize("order_of_parts", list(permutations(PARTS)), ids="-".join)
    def test_whoever_is_last_settles_the_order(self, insights, told, order_of_parts):
        event = completed()
        *first, last = order_of_parts
        for part in first:
            PARTS[part](insights, event)
        assert told() == []

        PARTS[last](insights, event)

        [settled] = told()
        assert data_of(settled).parts == ["AFFINITY", "INVOICE", "POINTS", "SALES"]
        assert (settled.correlation_id, settled.causation_id) == ("ord_1", event.id)

    def test_repetitions_settle_nothing_twice(self, insights, told):
        event = completed()
        for part in [*PARTS, *PARTS]:
            PARTS[part](insights, event)
        [first] = told()

        for part in reversed(PARTS):
            PARTS[part](insights, event)

        assert told() == [first]

    def test_one_part_many_times_is_not_all_of_them(self, insights, told):
        for _ in range(8):
            insights.count_sales(completed())

        assert told() == []

    def test_a_guest_needs_no_points(self, insights, told):
        event = completed(customer_id=None)
        for part in (Consequence.SALES, Consequence.INVOICE, Consequence.AFFINITY):
            PARTS[part](insights, event)

        [settled] = told()
        assert data_of(settled).parts == ["AFFINITY", "INVOICE", "SALES"]

    def test_parts_of_different_orders_do_not_add_up(self, insights, told):
        for number, part in enumerate(PARTS):
            PARTS[part](insights, completed(f"ord_{number}"))

        assert [told(f"ord_{number}") for number in range(4)] == [[], [], [], []]

    def test_two_that_finish_at_one_moment_settle_it_once(self, store, clock, told):
        """Each has done its part before either looks; then both see all of them."""
        for part in (Consequence.POINTS, Consequence.INVOICE):
            PARTS[part](Insights(store, clock, shop().day_of), completed())
        both_done = threading.Barrier(2)
        together = Insights(MeetingStore(store, both_done), clock, shop().day_of)
        event, failures = completed(), []

        def finish(part):
            try:
                PARTS[part](together, event)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=finish, args=[part]) for part in (Consequence.SALES, Consequence.AFFINITY)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert failures == []
        assert len(told()) == 1

    def test_one_that_died_before_it_looked_is_made_up_for_by_the_repetition(self, store, insights, clock, told):
        event = completed()
        for part in (Consequence.POINTS, Consequence.INVOICE, Consequence.AFFINITY):
            PARTS[part](insights, event)
        with pytest.raises(Died):
            Insights(DyingStore(store), clock, shop().day_of).count_sales(event)
        assert told() == []

        insights.count_sales(event)

        assert len(told()) == 1
        assert insights.sales(1)[0].orders == 1


class TestSales:
    def test_are_counted_by_day_and_product(self, insights):
        insights.count_sales(completed("ord_1", lines=[a_line("MUG", 2, 1250), a_line("TENT", 1, 20000)]))
        insights.count_sales(completed("ord_2", lines=[a_line("MUG", 1, 1250)]))

        yesterday, today = insights.sales(2)

        assert (yesterday.date, yesterday.orders, yesterday.products) == ("2030-05-16", 0, {})
        assert (today.date, today.orders, today.pieces, today.revenue) == (TODAY, 2, 4, 23750)
        assert today.products == {"MUG": Sold(3, 3750), "TENT": Sold(1, 20000)}

    def test_count_an_order_once(self, insights):
        for _ in range(3):
            insights.count_sales(completed())

        [today] = insights.sales(1)
        assert (today.orders, today.pieces, today.revenue) == (1, 2, 2500)

    def test_of_many_at_once_are_all_counted(self, dynamodb, table, clock):
        insights = Insights(InsightsStore(InConflict(dynamodb, times=3), table), clock, shop().day_of)

        insights.count_sales(completed())

        assert insights.sales(1)[0].orders == 1

    def test_that_never_get_a_turn_are_tried_again_by_the_next_message(self, dynamodb, table, store, clock):
        crowded = Insights(InsightsStore(InConflict(dynamodb, times=ATTEMPTS), table), clock, shop().day_of)

        with pytest.raises(InsightsBusy):
            crowded.count_sales(completed())

        assert store.day(TODAY).orders == 0

    def test_fit_the_largest_cart_into_one_transaction(self, insights):
        event = completed(lines=[a_line(f"SKU-{number}", 1, 100) for number in range(30)])

        insights.count_sales(event)
        insights.learn_affinity(event)

        assert insights.sales(1)[0].pieces == 30
        assert len(insights.also_bought("SKU-0")) == 29


class TestCountries:
    def test_are_counted_with_the_sale_and_less_what_came_back(self, insights):
        for _ in range(2):
            insights.count_sales(completed(lines=[a_line("MUG", 2, 1250)]))
        insights.count_sales(completed("ord_2", lines=[a_line("MUG", 1, 1250)]))
        [back] = returned({"MUG": 1}, lines=[a_line("MUG", 2, 1250)])
        for _ in range(2):
            insights.count_return(back, "ada")

        [today] = insights.sales(1)

        assert today.countries == {"GB": Sales(2, 2500)}
        assert today.products == {"MUG": Sold(2, 2500)}

    def test_are_not_known_of_what_was_sold_before_they_were_counted(self, insights, dynamodb, table):
        dynamodb.put_item(TableName=table, Item=day_key(TODAY) | {"orders": 3, "revenue": 700})

        assert (insights.sales(1)[0].orders, insights.sales(1)[0].countries) == (3, {})


class TestFunnel:
    def test_of_orders_counts_each_once_by_the_half_that_its_buyer_saw(self, insights):
        for order_id, variant in (("ord_1", "a"), ("ord_2", "b"), ("ord_2", "b"), ("ord_3", None)):
            insights.count_placed(an_order(order_id, variant=variant).pending_event)
        for _ in range(3):
            insights.count_sales(an_order_in(Status.COMPLETED, "ord_2", variant="b").pending_event)

        yesterday, today = insights.funnel(2)

        assert yesterday.all == Counts()
        assert today.all == Counts(placed=3, completed=1)
        assert today.by_variant == {"a": Counts(placed=1), "b": Counts(placed=1, completed=1), "-": Counts(placed=1)}

    def test_of_pages_counts_what_it_is_told_on_its_day(self, insights, store, clock):
        insights.count_step(Step.VISIT, "a")
        clock.passes(days=1)
        for step, variant in ((Step.VISIT, "a"), (Step.VISIT, "a"), (Step.CART, "b"), (Step.CHECKOUT, None)):
            insights.count_step(step, variant)

        days = insights.funnel(31)

        assert [day.all for day in days[-2:]] == [Counts(visit=1), Counts(visit=2, cart=1, checkout=1)]
        assert days[-1].by_variant["a"] == Counts(visit=2)
        assert insights.funnel(1) == days[-1:]
        for date in ("2030-05-17", "2030-05-18"):
            assert {day for day, _, _ in store.funnel(date, date)} == {date}

    def test_an_order_that_never_gets_a_turn_is_tried_again(self, dynamodb, table, clock):
        crowded = Insights(InsightsStore(InConflict(dynamodb, times=ATTEMPTS), table), clock, shop().day_of)

        with pytest.raises(InsightsBusy):
            crowded.count_placed(an_order().pending_event)

        assert crowded.funnel(1)[0].all == Counts()


class TestReturns:
    LINES = (("MUG", 3, 999), ("TENT", 1, 20050))

    @pytest.fixture
    def lines(self):
        return [a_line(*line) for line in self.LINES]

    def test_take_revenue_pieces_and_points_back(self, insights, lines):
        insights.count_sales(completed(lines=lines))
        insights.earn_points(completed(lines=lines), "ada")
        assert insights.points_of("ada") == insights.all_points() == 230

        [event] = returned({"MUG": 1}, lines=lines)
        for _ in range(2):
            insights.count_return(event, "ada")

        [today] = insights.sales(1)
        assert (today.orders, today.pieces, today.revenue) == (1, 3, 22048)
        assert today.products["MUG"] == Sold(2, 1998)
        assert insights.points_of("ada") == insights.all_points() == 220

    def test_piece_by_piece_leave_nothing(self, insights, lines):
        """Each piece is worth less than its share of whole euros: what counts is what the shop keeps of the order."""
        insights.earn_points(completed(lines=lines), "ada")

        for event in returned({"MUG": 1}, {"MUG": 1}, {"MUG": 1}, {"TENT": 1}, lines=lines):
            insights.count_return(event, "ada")

        assert insights.points_of("ada") == insights.all_points() == 0

    def test_may_be_faster_than_the_completion(self, insights, lines):
        for event in reversed(returned({"MUG": 3}, {"TENT": 1}, lines=lines)):
            insights.count_return(event, "ada")
        assert insights.points_of("ada") == 0

        insights.earn_points(completed(lines=lines), "ada")
        insights.count_sales(completed(lines=lines))

        assert insights.points_of("ada") == 0
        assert insights.sales(1)[0].revenue == 0

    def test_of_a_guest_take_back_no_points(self, insights, lines):
        [event] = returned({"TENT": 1}, customer_id=None, lines=lines)

        insights.count_return(event, None)

        assert (insights.sales(1)[0].revenue, insights.all_points()) == (-20050, 0)


class TestPoints:
    def test_are_whole_euros_of_each_order_earned_once(self, insights):
        for order_id in ("ord_1", "ord_2", "ord_2"):
            insights.earn_points(completed(order_id, lines=[a_line(quantity=1, price=1999)]), "ada")
        insights.earn_points(completed("ord_3", customer_id="bob"), "bob")

        assert (insights.points_of("ada"), insights.points_of("bob"), insights.points_of("eve")) == (38, 25, 0)
        assert insights.all_points() == 63

    def test_that_changed_meanwhile_are_counted_anew(self, store, clock):
        """A return is counted between our look at the order's points and our write."""
        [back] = returned({"MUG-01": 1})

        def return_first():
            Insights(store, clock, shop().day_of).count_return(back, "ada")

        Insights(InterruptedStore(store, return_first), clock, shop().day_of).earn_points(completed(), "ada")

        assert store.points_of("ada") == 12


class TestAffinity:
    def test_is_learned_from_each_order_once(self, insights):
        both = [a_line("MUG"), a_line("TENT")]
        for order_id in ("ord_1", "ord_2", "ord_2"):
            insights.learn_affinity(completed(order_id, lines=both))
        insights.learn_affinity(completed("ord_3", lines=[*both, a_line("AXE")]))

        assert insights.also_bought("MUG") == ["TENT", "AXE"]
        assert insights.also_bought("AXE") == ["MUG", "TENT"]
        assert insights.also_bought("UNKNOWN") == []
        assert insights.bought_together() == [("MUG", "TENT", 3), ("AXE", "MUG", 1), ("AXE", "TENT", 1)]

    def test_of_one_product_alone_is_none(self, insights):
        insights.learn_affinity(completed())

        assert (insights.also_bought("MUG-01"), insights.bought_together()) == ([], [])


class Died(Exception):
    pass


class MeetingStore:
    """Whoever looks at what is done waits for the other to have come as far."""

    def __init__(self, store, meeting):
        self._store = store
        self._meeting = meeting

    def __getattr__(self, name):
        return getattr(self._store, name)

    def done(self, order_id):
        self._meeting.wait(timeout=10)
        return self._store.done(order_id)


class DyingStore:
    """Its user dies before the look at what is done."""

    def __init__(self, store):
        self._store = store

    def __getattr__(self, name):
        return getattr(self._store, name)

    def done(self, order_id):
        raise Died


class InterruptedStore(InsightsStore):
    """Somebody else acts once, right after a look at an order's points."""

    def __init__(self, store, interruption):
        super().__init__(store._db, store._table)
        self._interruptions = [interruption]

    def kept(self, *arguments):
        writes = super().kept(*arguments)
        while self._interruptions:
            self._interruptions.pop()()
        return writes


class TestDays:
    """Days are those of the shop's time zone, in which a day may have 23 or 25 hours."""

    @pytest.mark.parametrize(
        ("moment", "day"),
        [
            ("2030-05-17T21:59:59+00:00", "2030-05-17"),
            ("2030-05-17T22:00:00+00:00", "2030-05-18"),
            ("2030-03-30T23:00:00+00:00", "2030-03-31"),  # 23 hours, up to 22:00 UTC
            ("2030-03-31T21:59:59+00:00", "2030-03-31"),
            ("2030-03-31T22:00:00+00:00", "2030-04-01"),
            ("2030-10-26T22:00:00+00:00", "2030-10-27"),  # 25 hours, up to 23:00 UTC
            ("2030-10-27T22:59:59+00:00", "2030-10-27"),
            ("2030-10-27T23:00:00+00:00", "2030-10-28"),
        ],
    )
    def test_sale_counts_on_the_day_of_the_shops_time_zone(self, insights, store, clock, moment, day):
        at = datetime.fromisoformat(moment)
        event = completed().model_copy(update={"time": iso(at)})
        clock.now = at

        insights.count_sales(event)
        insights.count_step(Step.VISIT, None)

        assert store.day(day).orders == 1
        assert insights.sales(1)[0].date == day
        assert insights.funnel(1)[-1].all.visit == 1
