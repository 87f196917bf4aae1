"""The capacity plan: what it reads from a template, what it simulates, and how it refuses bad input."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from infra.capacity import cost, design, measured, report, simulate, sources
from infra.capacity.limits import Limits
from infra.commands.cli import cli
from infra.commands.plan import with_quotas

QUOTAS = measured.quotas()
SAGA = {
    "StartAt": "ReserveInventory",
    "States": {
        "ReserveInventory": {
            "Type": "Task",
            "Resource": "${Reserve}",
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 2, "MaxAttempts": 2}],
            "End": True,
        }
    },
}
TEMPLATE: dict[str, Any] = {
    "Parameters": {"Concurrency": {"Default": "3"}, "Ready": {"Default": "no"}},
    "Conditions": {"IsReady": {"Fn::Equals": [{"Ref": "Ready"}, "yes"]}},
    "Globals": {"Function": {"MemorySize": 512, "Architectures": ["arm64"]}},
    "Resources": {
        "APIHandler": {"Type": "AWS::Serverless::Function", "Properties": {"Timeout": 15}},
        "Relay": {"Type": "AWS::Serverless::Function"},
        "Start": {"Type": "AWS::Serverless::Function"},
        "ReserveInventory": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Timeout": 15,
                "ProvisionedConcurrencyConfig": {
                    "Fn::If": ["IsReady", {"ProvisionedConcurrentExecutions": 7}, {"Ref": "AWS::NoValue"}]
                },
            },
        },
        "Api": {
            "Type": "AWS::Serverless::Api",
            "Properties": {
                "MethodSettings": [
                    {"ResourcePath": "/*", "HttpMethod": "*", "ThrottlingRateLimit": 20, "ThrottlingBurstLimit": 40},
                    {
                        "ResourcePath": "/~1orders",
                        "HttpMethod": "POST",
                        "ThrottlingRateLimit": 5000,
                        "ThrottlingBurstLimit": 9000,
                    },
                ]
            },
        },
        "Orders": {"Type": "AWS::DynamoDB::Table"},
        "Stock": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {"GlobalSecondaryIndexes": [{"IndexName": "by-expiry"}]},
        },
        "FromOrders": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Fn::GetAtt": ["Relay", "Arn"]},
                "EventSourceArn": {"Fn::GetAtt": ["Orders", "StreamArn"]},
                "BatchSize": 50,
            },
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventBusName": {"Ref": "Bus"},
                "EventPattern": {"detail-type": ["OrderPlaced"]},
                "Targets": [{"Arn": {"Ref": "Topic"}}, {"Arn": {"Fn::GetAtt": ["Placed", "Arn"]}}],
            },
        },
        "Subscription": {
            "Type": "AWS::SNS::Subscription",
            "Properties": {
                "TopicArn": {"Ref": "Topic"},
                "Protocol": "sqs",
                "Endpoint": {"Fn::GetAtt": ["Copies", "Arn"]},
            },
        },
        "Placed": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"VisibilityTimeout": 60, "RedrivePolicy": {"maxReceiveCount": 5}},
        },
        "Copies": {"Type": "AWS::SQS::Queue"},
        "FromPlaced": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "FunctionName": {"Fn::GetAtt": ["Start", "Arn"]},
                "EventSourceArn": {"Fn::GetAtt": ["Placed", "Arn"]},
                "ScalingConfig": {"MaximumConcurrency": {"Ref": "Concurrency"}},
            },
        },
        "Saga": {
            "Type": "AWS::StepFunctions::StateMachine",
            "Properties": {
                "DefinitionString": json.dumps(SAGA),
                "DefinitionSubstitutions": {"Reserve": {"Ref": "ReserveInventoryAliaslive"}},
            },
        },
    },
}
MEASURED = measured.Measured.model_validate(
    {
        "source": "made up", "init_ms": 400, "restore_ms": 100, "idle_seconds": 300, "further_item": 0.5,
        "transaction_ms": 0.1, "throttle_patience_seconds": 2, "contention_patience_seconds": 4,
        "keys": {"Stock#stock": 1}, "hot_product": "Stock#stock", "shares": {"Subscription": 1},
        "routes": {
            "GET /products": {"per_order": 4, "ms": [20, 60], "reads": {"Stock": 1}},
            "POST /orders": {
                "per_order": 1, "ms": [40, 80], "writes": {"Orders": 4}, "events": {"Orders": ["OrderPlaced"]},
            },
        },
        "functions": {
            "Relay": {"ms": [30, 60], "further_item": 0, "publishes": True, "uses": {"put_events": 1}},
            "Start": {"ms": [20, 40], "starts": "Saga"},
            "ReserveInventory": {"ms": [50, 90], "writes": {"Stock": 4, "Stock#stock": 2}},
        },
    }
)  # fmt: skip


def run(load: simulate.Load, template: dict[str, Any] = TEMPLATE, quotas: dict[str, Any] = QUOTAS) -> simulate.Result:
    return simulate.Shop(design.Design(template), MEASURED, quotas, load).run()


def with_setting(path: str, value: str) -> dict[str, Any]:
    template = deepcopy(TEMPLATE)
    design.change(template, path, value)
    return template


STEADY = simulate.Load(sources.constant(20, 60))


def test_design_reads_parameters_and_conditions_of_the_template() -> None:
    default, ready = design.Design(TEMPLATE), design.Design(TEMPLATE, {"Ready": "yes", "Concurrency": "9"})
    assert [each.functions["ReserveInventory"].provisioned for each in (default, ready)] == [0, 7]
    assert [each.mappings[1].maximum_concurrency for each in (default, ready)] == [3, 9]
    assert default.queues["Placed"] == design.QueueDesign(60, 5, False)
    assert default.throttle("POST /orders") == (5000, 9000) and default.throttle("GET /products") == (20, 40)
    assert sorted(default.targets("OrderPlaced")) == [("Copies", "Subscription"), ("Placed", "")]
    assert default.workflows["Saga"]["States"]["ReserveInventory"]["Resource"] == "ReserveInventory"


def test_warm_throughput_of_the_template_moves_a_tables_limit() -> None:
    template = with_setting("Stock.WarmThroughput.WriteUnitsPerSecond", "9000")
    assert [design.Design(each).tables["Stock"].writes for each in (TEMPLATE, template)] == [4000, 9000]


def test_setting_changes_an_item_of_a_list() -> None:
    template = with_setting("Api.MethodSettings.1.ThrottlingRateLimit", "7")
    assert design.Design(template).throttle("POST /orders") == (7, 9000)


def test_table_takes_twice_its_peak_half_an_hour_later() -> None:
    """DynamoDB developer guide, "DynamoDB on-demand capacity mode"."""
    limits = Limits(design.Design(TEMPLATE), MEASURED, QUOTAS, 1)
    (demand,) = limits.demands(MEASURED.routes["POST /orders"])
    table = demand.buckets[0]
    for minute in range(32):
        table.used += 60 * 3_000 if minute == 0 else 0
        limits.end_minute()
        assert table.rate == (4_000 if minute < 30 else 6_000), minute


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("Plased.VisibilityTimeout", "1", "Placed?"),
        ("Placed", "1", "names no property"),
        ("Placed.VisibilityTimeout", "long", "is not a whole number"),
        ("Placed.VisibilityTimeout.Seconds", "1", "has a single value"),
        ("Api.MethodSettings.9.ThrottlingRateLimit", "1", "has a single value"),
        ("Api.MethodSettings.0", "1", "an item of a list"),
    ],
)
def test_setting_that_is_none_is_refused(path: str, value: str, reason: str) -> None:
    with pytest.raises(design.SettingUnknown, match=reason.replace("?", r"\?")):
        with_setting(path, value)


def test_order_flows_from_the_api_through_stream_bus_queue_and_workflow() -> None:
    result = run(STEADY)
    assert result.requests["offered"] == result.requests["answered"] > 1_000
    assert result.placed == len(result.order_seconds) == result.workflows["Saga"].completed > 200
    assert result.streams[0].sent == result.queues["Placed"].sent == result.placed
    assert result.pools["ReserveInventory"].invocations == result.placed
    assert 0.1 < sorted(result.order_seconds)[result.placed // 2] < 1


def test_function_has_the_concurrency_of_littles_law_in_the_results() -> None:
    result = run(simulate.Load(sources.constant(200, 120)))
    pool = result.pools["APIHandler"]
    assert pool.mean_concurrency() == pytest.approx(pool.busy_seconds / result.seconds, rel=1e-6)


def test_same_seed_gives_the_same_run_and_another_seed_another() -> None:
    one, same, other = run(STEADY), run(STEADY), run(replace(STEADY, seed=2))
    assert (one.order_seconds, one.requests) == (same.order_seconds, same.requests)
    assert one.requests["offered"] != other.requests["offered"]


def test_gateway_throttles_what_exceeds_the_stages_rate_and_burst() -> None:
    """20 requests a second and a bucket of 40 let 60 s × 20 + 40 of them pass."""
    result = run(simulate.Load(sources.constant(200, 60)))
    passed = next(bucket for bucket in result.buckets if bucket.name == "API GET /products")
    assert passed.used == pytest.approx(60 * 20 + 40, abs=1)
    assert result.requests["throttled by API Gateway"] == passed.refused


def test_burst_beyond_the_account_concurrency_is_throttled_by_lambda() -> None:
    few = with_quotas(QUOTAS, (("lambda_concurrency", "20"),))
    load = replace(STEADY, burst=1_000)
    assert run(load).requests["throttled by Lambda"] == 0
    assert run(load, quotas=few).requests["throttled by Lambda"] > 100


def test_queue_grows_where_its_consumer_takes_less_than_arrives() -> None:
    """200 orders a second, and consumers that take about 22 ms for each."""
    load, name = simulate.Load(sources.constant(1_000, 20)), "FromPlaced.ScalingConfig.MaximumConcurrency"
    slow = with_setting("FromPlaced.BatchSize", "1")
    design.change(slow, name, "2")
    assert report.growing(run(load, slow)) == ["Placed"]
    design.change(slow, name, "20")
    assert report.growing(run(load, slow)) == []


def test_hot_product_exceeds_a_partition_with_one_counter_and_not_with_shards() -> None:
    """DynamoDB developer guide, "Designing partition keys": 1,000 write units a second, 2 for a transactional write."""
    load = simulate.Load(sources.constant(1, 30), burst=5_000, hot=1.0)
    template = with_setting("FromPlaced.ScalingConfig.MaximumConcurrency", "1000")
    design.change(template, "Stock.WarmThroughput.WriteUnitsPerSecond", "40000")
    wide = with_quotas(QUOTAS, (("lambda_concurrency", "9000"), ("lambda_scaling.burst", "9000")))
    one, sharded = (run(replace(load, shards=shards), template, wide) for shards in (1, 10))

    def counters(result: simulate.Result) -> list[Any]:
        return [each for each in result.buckets if each.name.startswith("Stock#stock writes")]

    assert [len(counters(each)) for each in (one, sharded)] == [1, 10]
    assert all(each.used == 0 for each in counters(run(replace(load, hot=0), template, wide)))
    assert sum(each.delayed + each.refused for each in counters(one)) > 1_000
    assert sum(each.delayed + each.refused for each in counters(sharded)) == 0
    assert one.workflows["Saga"].retries > 0 == sharded.workflows["Saga"].retries
    assert max(one.order_seconds) > 3 * max(sharded.order_seconds)


def test_throttled_step_is_retried_by_the_workflows_policy() -> None:
    quotas = with_quotas(QUOTAS, (("lambda_concurrency", "12"),))
    result = run(replace(STEADY, burst=200), quotas=quotas)
    saga = result.workflows["Saga"]
    assert saga.retries > 0 and saga.completed + saga.failed == saga.started


def test_snapshots_make_cold_starts_shorter_and_are_billed() -> None:
    """A snapshot is cached all the time and restored at each cold start: AWS Lambda pricing, SnapStart."""
    template = deepcopy(TEMPLATE)
    template["Resources"]["ReserveInventory"]["Properties"]["SnapStart"] = {"ApplyOn": "PublishedVersions"}
    results = [run(STEADY, each) for each in (TEMPLATE, template)]
    busy = [result.pools["ReserveInventory"].busy_seconds for result in results]
    without, restored = (cost.units(results[1], design.Design(each)) for each in (TEMPLATE, template))
    assert busy[1] < busy[0]
    assert not {name for name in without if name.startswith("snapstart")}
    assert restored["snapstart_restored_gb"] == results[1].pools["ReserveInventory"].cold / 2 > 0
    assert restored["snapstart_cached_gb_second"] == results[1].seconds / 2


def test_cost_counts_units_at_the_prices_of_the_table() -> None:
    result = run(STEADY)
    of_design = design.Design(TEMPLATE)
    counted = cost.units(result, of_design)
    assert counted["write_unit"] == 4 * result.placed + 4 * result.placed
    assert counted["lambda_request"] == sum(pool.invocations for pool in result.pools.values())
    seconds = sum(pool.busy_seconds for pool in result.pools.values())
    assert counted["lambda_gb_second_arm"] == pytest.approx(seconds / 2)
    assert cost.monthly(result, of_design) == pytest.approx(cost.prices().cost(counted) * 730 * 60)


def test_trace_file_changes_the_rate_by_steps(tmp_path: Path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("second,rps\n0,0\n10,50\n20,0\n")
    load = simulate.Load(sources.from_file(file))
    assert load.seconds == 20
    assert run(load).requests["offered"] == pytest.approx(500, abs=70)


@pytest.mark.parametrize(
    "text", ["", "second,rps\n0,1\n", "time,rate\n0,1\n", "second,rps\n0,x\n9,0\n", "second,rps\n5,1\n9,0\n",
             "second,rps\n0,1\n9,1\n9,0\n", "second,rps\n0,-1\n9,0\n", "second,rps\n0,nan\n9,0\n"]
)  # fmt: skip
def test_trace_file_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "trace.csv"
    file.write_text(text)
    with pytest.raises(sources.TraceInvalid):
        sources.from_file(file)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--rps", "many"], "--rps"),
        (["--rps", "-1"], "--rps"),
        (["--rps", "nan"], "is not a number"),
        (["--rps", "10", "--orders", "5"], "Give one of RPS, ORDERS and TRACE, not RPS and ORDERS"),
        (["--rps", "100000", "--minutes", "1000"], "More than 10,000,000 requests"),
        (["--burst", "-1"], "--burst"),
        (["--hot", "2"], "--hot"),
        (["--shards", "0"], "--shards"),
        (["--seed", "x"], "--seed"),
        (["--set", "Queue"], "is not NAME=VALUE"),
        (["--quota", "lambda_speed=3"], "'lambda_speed' is not a quota. Quotas: lambda_concurrency, "),
        (["--keys", "Moon#x=2"], "'Moon#x' is not a place with few keys. Places: OrdersTable/unsettled, "),
        (["--keys", "InsightsTable#day=many"], "which is not a number above 0"),
        (["--quota", "lambda_concurrency=0"], "which is not a number above 0"),
        (["--quota", "ses_sends=3"], "'ses_sends' is not a quota"),
        (["--stage", "moon"], "There is no stage moon"),
        (["--trace", "no/such.csv"], "does not exist"),
        (["--measured", "Makefile"], "Makefile: "),
    ],
)
def test_plan_refuses_bad_input_in_one_line(arguments: list[str], text: str) -> None:
    result = CliRunner().invoke(cli, ["plan", *arguments])
    assert result.exit_code == 2 and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and text in result.stderr, result.stderr
