"""Quotes and the apportioning of adjustments: pure rules over lines."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.platform.money import CurrencyMismatch, Money
from chalicelib.pricing.apportioning import apportion, parts_of_return
from chalicelib.pricing.model import Adjustment, AdjustmentKind
from chalicelib.pricing.quote import quote
from chalicelib.pricing.rules import RULES
from tests.builders import NOW, a_line, an_order, an_order_in, euros
from tests.price_rules import CODE, documented_rules

LINES = [a_line("MUG", 3, 1000), a_line("TENT", 1, 20000)]
DISCOUNT, SHIPPING, TAX = AdjustmentKind.DISCOUNT, AdjustmentKind.SHIPPING, AdjustmentKind.TAX


def adjusting(kind, amount):
    return lambda basket: Adjustment(kind=kind, label=kind.value, amount=amount)


def quoted(*rules, lines=LINES, country="DE", code=None):
    found = quote(lines, country, code, "EUR", rules)
    return [each.amount for each in found.adjustments], found.total


def test_shop_has_no_price_rules():
    assert RULES == ()
    assert quote(LINES, "DE", None, "EUR").total == euros(23000)


def test_rules_apply_in_their_order():
    tenth = lambda basket: Adjustment(kind=DISCOUNT, label="10 %", amount=-(basket.total // 10))  # noqa: E731

    assert quoted(adjusting(SHIPPING, 1000), tenth) == ([1000, -2400], euros(21600))
    assert quoted(tenth, adjusting(SHIPPING, 1000)) == ([-2300, 1000], euros(21700))


def test_rule_reads_code_and_destination():
    seen = []

    quoted(seen.append, country="SE", code=CODE)

    [basket] = seen
    assert (basket.country, basket.code, basket.subtotal, basket.total) == ("SE", CODE, 23000, 23000)


def test_rule_that_does_not_apply_adds_nothing():
    assert quoted(lambda basket: None, adjusting(SHIPPING, 0)) == ([], euros(23000))


def test_discount_takes_off_no_more_than_the_total():
    assert quoted(adjusting(DISCOUNT, -30000), adjusting(SHIPPING, 490)) == ([-23000, 490], euros(490))


def test_empty_cart_costs_nothing():
    assert quoted(adjusting(SHIPPING, 490), lines=[]) == ([], euros(0))


def test_lines_of_two_currencies_are_refused():
    yen = LINES[0].model_copy(update={"unit_price": Money(amount=100, currency="JPY")})

    with pytest.raises(CurrencyMismatch):
        quoted(lines=[LINES[1], yen])


def test_documented_rules_come_to_the_documented_total():
    coupon, tax, shipping = -2300, 5175, 490

    assert quoted(*documented_rules(), code=CODE) == ([coupon, tax, shipping], euros(26365))
    assert quoted(*documented_rules()) == ([5750, 490], euros(29240))


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (-100, [1, 1, 1], [-34, -33, -33]),
        (100, [1, 2, 1], [25, 50, 25]),
        (1, [1, 3], [0, 1]),
        (5, [0, 0], [0, 0]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_apportioning_gives_the_largest_remainders_the_rest(amount, weights, parts):
    assert apportion(amount, weights) == parts


@settings(derandomize=True)
@given(st.integers(-10_000, 10_000), st.lists(st.integers(0, 5_000), min_size=1, max_size=30).filter(any))
def test_apportioned_parts_add_up_and_are_within_one_of_their_share(amount, weights):
    parts = apportion(amount, weights)

    assert sum(parts) == amount
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part * sum(weights) - amount * weight) < sum(weights)


some_lines = st.lists(st.tuples(st.integers(1, 4), st.integers(0, 500)), min_size=1, max_size=5).map(
    lambda drawn: [a_line(f"P-{n}", quantity, price) for n, (quantity, price) in enumerate(drawn)]
)
some_rules = st.lists(
    st.one_of(
        st.tuples(st.just(DISCOUNT), st.integers(-800, 0)),
        st.tuples(st.sampled_from([SHIPPING, TAX]), st.integers(0, 800)),
    ),
    max_size=4,
)


@st.composite
def returned_orders(draw):
    """An order with adjustments, and the returns that bring all its units back one after another."""
    lines, rules = draw(some_lines), [adjusting(*each) for each in draw(some_rules)]
    units = draw(st.permutations([line.sku for line in lines for _ in range(line.quantity)]))
    cuts = sorted(draw(st.sets(st.integers(1, len(units)), max_size=4)) | {len(units)})
    returns = [units[start:end] for start, end in zip([0, *cuts], cuts, strict=False)]
    return quote(lines, None, None, "EUR", tuple(rules)), returns


@settings(derandomize=True)
@given(returned_orders())
def test_returns_give_back_the_total_exactly_and_never_less_than_nothing(drawn):
    priced, returns = drawn
    order = an_order_in_completed(priced)

    for number, skus in enumerate(returns):
        order = order.return_requested(f"ret_{number}", {sku: skus.count(sku) for sku in skus}, NOW)

    values = [each.value.amount for each in order.returns]
    assert sum(values) == order.total.amount
    assert min(values) >= 0
    parts = Counter[str]()
    for part in (part for each in order.returns for part in order.adjustments_of(each.id)):
        parts[part.label] += part.amount
    whole = Counter[str]()
    for adjustment in priced.adjustments:
        whole[adjustment.label] += adjustment.amount
    assert {label: amount for label, amount in parts.items() if amount} == {k: v for k, v in whole.items() if v}


def an_order_in_completed(priced):
    return an_order_in("COMPLETED", lines=priced.lines, adjustments=priced.adjustments)


@settings(derandomize=True)
@given(returned_orders())
def test_part_of_a_unit_is_independent_of_what_else_is_in_the_return(drawn):
    priced, _ = drawn
    if len(priced.lines) < 2:
        return
    first, second = priced.lines[0].sku, priced.lines[1].sku
    alone = parts_of_return(priced.lines, priced.adjustments, {}, {first: 1})
    after = parts_of_return(priced.lines, priced.adjustments, {second: 1}, {first: 1})
    is_last = sum(line.quantity for line in priced.lines) == 2

    assert alone == after or is_last


def test_shipping_cost_goes_back_with_the_last_return():
    adjustments = (Adjustment(kind=SHIPPING, label="Shipping", amount=490),)

    assert parts_of_return(LINES, adjustments, {}, {"MUG": 3}) == []
    assert parts_of_return(LINES, adjustments, {"MUG": 3}, {"TENT": 1}) == list(adjustments)


def test_discount_beyond_the_items_value_is_left_to_the_whole_order():
    lines = [a_line("A", 1, 100), a_line("B", 1, 100)]
    priced = quote(lines, None, None, "EUR", (adjusting(SHIPPING, 500), adjusting(DISCOUNT, -600)))
    order = an_order_in_completed(priced)

    for sku in ("A", "B"):
        order = order.return_requested(f"ret_{sku}", {sku: 1}, NOW)

    assert [each.value.amount for each in order.returns] == [0, 100]


def test_order_without_adjustments_stores_and_returns_what_it_did_before():
    order = an_order(lines=LINES)

    assert (order.adjustments, order.total, order.adjustments_of("ret_1")) == ((), euros(23000), [])
