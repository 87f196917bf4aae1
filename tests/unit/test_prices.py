"""The price table: dated, sourced, and the classic figures of serverless cost comparisons."""

from pathlib import Path

import pytest
import yaml

from infra.cost.prices import FILE, HOURS_PER_MONTH, PricesInvalid, prices


def test_a_million_short_invocations_cost_about_a_dollar():
    units = {"lambda_request": 1_000_000, "lambda_gb_second_x86": 1_000_000 * 0.2 * 256 / 1024}

    assert prices().cost(units) == pytest.approx(1.05, rel=0.02)


def test_t3_micro_costs_about_eight_dollars_a_month():
    assert prices().cost({"t3_micro_hour": HOURS_PER_MONTH}) == pytest.approx(7.60, rel=0.01)


@pytest.mark.parametrize(
    ("name", "changes", "problem"),
    [
        ("event", {"usd": -1}, "prices.event.usd"),
        ("event", {"per": 0}, "prices.event.per"),
        ("event", {"source": "hearsay"}, "hearsay"),
        ("event", {"colour": "red"}, "prices.event.colour"),
    ],
)
def test_price_table_refuses_a_bad_price(tmp_path: Path, name, changes, problem):
    table = yaml.safe_load(FILE.read_text())
    table["prices"][name] |= changes
    file = tmp_path / "prices.yaml"
    file.write_text(yaml.safe_dump(table))

    with pytest.raises(PricesInvalid, match=problem):
        prices(file)


def test_price_table_refuses_a_file_that_is_no_table(tmp_path: Path):
    file = tmp_path / "prices.yaml"
    file.write_text("[")

    with pytest.raises(PricesInvalid, match=r"prices\.yaml"):
        prices(file)
