"""The cost model: the classic figures come out of it, and each choice is cheaper where it should be."""

import pytest
import yaml
from click.testing import CliRunner

from infra.commands.cli import cli
from infra.cost import choices, model
from infra.cost.prices import HOURS_PER_MONTH, prices
from infra.cost.units import OUTCOMES, order_units

SCENARIO = model.scenario()
SHORT = {"milliseconds": 200, "memory_mb": 256}
"""The classic small function."""


def short_functions(requests):
    return model.functions(requests, **SHORT)


def servers(least):
    return lambda requests: model.servers(model.busy_processors(requests, **SHORT), requests, least)


def test_a_million_short_invocations_cost_about_a_dollar():
    assert short_functions(1_000_000) == pytest.approx(1.05, rel=0.02)


def test_t3_micro_costs_about_eight_dollars_a_month():
    address = prices().cost({"address_hour": HOURS_PER_MONTH})

    assert model.servers(busy=0.01, requests=1000) - address == pytest.approx(7.60, rel=0.01)


def test_two_small_servers_break_even_at_tens_of_millions_of_requests():
    """Two, because one that fails takes the shop along. One alone breaks even at a quarter of that."""
    assert 30e6 < model.break_even(short_functions, servers(2)) < 50e6
    assert 8e6 < model.break_even(short_functions, servers(1)) < 13e6


def test_break_even_is_none_where_servers_stay_dearer():
    assert model.break_even(short_functions, lambda requests: 1 + 2 * short_functions(requests)) is None


def test_small_servers_cost_more_beyond_their_baseline_and_their_number():
    idle, steady, beyond = (model.servers(busy, requests=0) for busy in (0, model.T3_MICRO_BASELINE, 1))
    full, two = (model.servers(model.T3_MICRO_PROCESSORS + more, requests=0) for more in (0, 0.01))

    assert idle == steady < beyond < full < two


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_unit_of_an_order_has_a_price(outcome):
    bill = model.per_order(outcome, SCENARIO)

    assert min(bill.values()) >= 0 < sum(bill.values())


def test_units_without_price_are_refused():
    with pytest.raises(KeyError, match="moonbeam"):
        model.bill({"moonbeam": 1}, prices())


def test_bill_adds_up_units_by_service():
    assert model.bill({"event": 2_000_000, "write_unit": 4, "read_unit": 8}, prices()) == {
        "EventBridge": pytest.approx(2),
        "DynamoDB": pytest.approx((4 * 0.625 + 8 * 0.125) / 1e6),
    }


def test_traces_are_those_of_requests_and_queues_and_not_of_streams_and_steps():
    units = {
        "rest_request": {"GET /orders/*": 2},
        "state_transition": {"OrderFulfilment": 1},
        "stream_record": {"RelayEvents": 3},
        "lambda_request": {"APIHandler": 2, "CompleteOrder": 1, "RelayEvents": 3, "CountSales": 4},
    }

    assert model.priced(units, SCENARIO)["trace"] == pytest.approx(SCENARIO.sampled * (2 + 4))


def test_lines_of_the_platform_are_billed_for_each_invocation():
    units = {"lambda_request": {"CountSales": 4}, "log_byte": {"CountSales": 1000}}
    verbose = SCENARIO.model_copy(update={"platform_log_bytes": 330})

    assert model.priced(units, verbose)["log_gb"] == pytest.approx((1000 + 4 * 330) / 1e9)


def test_longer_runs_and_calls_of_the_provider_cost_gb_seconds():
    units = {"lambda_request": {"CapturePayment": 2}}
    of = SCENARIO.model_copy(update={"slowdown": 3, "provider_milliseconds": 300, "memory_mb": 512})

    assert model.gb_seconds(units, of) == pytest.approx(
        2 * (3 * order_units().milliseconds["CapturePayment"] + 300) / 1000 / 2
    )


@pytest.mark.parametrize(
    ("title", "cheaper", "dearer"),
    [
        ("API", "HTTP", "REST"),
        ("workflow", "Express", "Standard"),
        ("processor", "arm64", "x86_64"),
        ("firewall, requests", "edge", "edge+api"),
        ("firewall, fixed", "none", "edge"),
        ("a million reads of the catalog", "at the edge", "not cached"),
        ("a million reads of the catalog", "not cached", "at the API"),
        ("no cold starts of the API", "SnapStart", "5 provisioned"),
        ("no cold starts of the steps", "SnapStart", "5 provisioned"),
    ],
)
def test_choice_costs_less_than_its_alternative(title, cheaper, dearer):
    options = {name: found for name, _, found in choices.choices(SCENARIO)}[title]

    assert options[cheaper] < options[dearer]


def test_firewalls_cost_what_the_readme_says():
    fixed = {
        each: choices.idle(SCENARIO.model_copy(update={"firewall": each}))["firewall"] for each in ("edge", "edge+api")
    }

    assert fixed == {"edge": 9, "edge+api": 17}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"api": "graphql"}, "api"),
        ({"memory_mb": 64}, "memory_mb"),
        ({"outcomes": {"completed": 0.5}}, "add up to 0.5"),
        ({"outcomes": {"stolen": 1.0}}, "stolen"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_command_refuses_a_bad_scenario_with_one_line(tmp_path, change, problem):
    file = tmp_path / "scenario.yaml"
    file.write_text(yaml.safe_dump(yaml.safe_load(model.FILE.read_text()) | change))

    result = CliRunner().invoke(cli, ["cost", "--scenario", str(file)])

    assert result.exit_code == 2
    assert problem in result.output and result.output.count("\n") == 1


def test_idle_reporting_database_costs_more_for_its_proxy_than_for_itself():
    """As docs/patterns/relational-read-model.md says."""
    found = {title: options for title, _, options in choices.choices(SCENARIO)}["reporting database, idle"]
    assert found == {"off": 0, "on": pytest.approx(43.80 + 87.60)}
