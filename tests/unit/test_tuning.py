"""Memory tuning: the model of a function's time, the choice of a size, and what is read from the logs and written."""

import boto3
import pytest
from botocore.stub import ANY, Stubber
from click.testing import CliRunner

from infra.capacity import tuning
from infra.capacity.tuning import Subject, Work
from infra.commands import tune
from infra.commands.cli import cli
from infra.commands.output import PlainConsole

STEP = Subject("CapturePayment", 512, 15, used_mb=100)
API = Subject("APIHandler", 512, 15, used_mb=100)
WAITS, COMPUTES = Work(2, 300), Work(40, 2)


def best(work, subject):
    return tuning.recommended(tuning.options(work, subject), subject).size


def test_invocation_takes_as_long_as_lambdas_share_of_a_processor_makes_it():
    assert Work(10, 50).milliseconds(1769) == Work(10, 50).milliseconds(3000) == 60
    assert Work(10, 50).milliseconds(512) == pytest.approx(50 + 10 * 1769 / 512)


def test_two_measured_sizes_give_processor_time_and_waiting():
    work = Work(20, 70)
    found = tuning.fitted({size: work.milliseconds(size) for size in (256, 512, 1024)})
    assert (found.processor_ms, found.wait_ms) == (pytest.approx(20), pytest.approx(70))


def test_durations_that_no_processor_time_explains_are_waiting():
    assert tuning.fitted({256: 50, 512: 60}) == Work(0, 55)


def test_one_size_is_split_by_a_known_processor_time():
    assert tuning.split(1769, 100, 30) == Work(30, 70)
    assert tuning.split(1769, 20, 30) == Work(20, 0)
    with pytest.raises(ValueError, match="two sizes"):
        tuning.fitted({512: 50})


def test_cost_of_an_option_is_lambdas_price():
    """A million invocations of 512 MB and 100 ms: 50,000 GB-seconds and the requests."""
    (option,) = (each for each in tuning.options(Work(0, 100), STEP) if each.size == 512)
    assert option.usd_per_million == pytest.approx(0.20 + 50_000 * 0.0000133334)


def test_function_that_waits_gets_the_least_memory_it_can_use():
    """100 MB were used at most, and the next size leaves a quarter above that."""
    assert best(WAITS, STEP) == 128
    assert best(WAITS, Subject("CapturePayment", 512, 15, used_mb=110)) == 256


def test_size_at_which_a_function_would_come_near_its_time_limit_is_refused():
    assert best(WAITS, Subject("CapturePayment", 512, 0.95, used_mb=100)) == 256


def test_function_that_a_person_waits_for_is_made_quick_and_not_only_cheap():
    assert best(COMPUTES, API) == 1769
    assert best(COMPUTES, STEP) == 512


def test_deployed_size_stays_where_a_change_saves_little():
    almost = [tuning.Option(256, 10, 0.95), tuning.Option(512, 10, 1.0)]
    assert tuning.recommended(almost, STEP).size == 512


def test_medians_of_warm_invocations_are_taken_and_stripes_time_is_added():
    lines = [{"function": "shop-1", "is_first": False, "processor_ms": each, "ms": each + 5} for each in (8, 10, 90)]
    lines.append({"function": "shop-1", "is_first": True, "processor_ms": 900, "ms": 2000})
    lines.append({"function": "other", "is_first": False, "processor_ms": 1, "ms": 1})
    assert tune.measured(lines, {"shop-1": "ReserveInventory"}) == {"ReserveInventory": Work(10, 5)}
    assert tune.measured(lines, {"shop-1": "CapturePayment"}) == {"CapturePayment": Work(10, 305)}


def test_report_lines_are_counted_by_memory_size():
    """Numbers are texts in the answer: CloudWatch Logs API reference, GetQueryResults."""
    logs = boto3.client("logs", region_name="eu-west-1", aws_access_key_id="none", aws_secret_access_key="none")
    row = {"size": "512", "calls": "70", "ms": "81.5", "used": "96"}
    with Stubber(logs) as stub:
        asked = {"logGroupName": "group", "queryString": tune.QUERY, "startTime": ANY, "endTime": ANY}
        stub.add_response("start_query", {"queryId": "q"}, asked)
        found = [[{"field": name, "value": value} for name, value in row.items()]]
        stub.add_response("get_query_results", {"status": "Complete", "results": found}, {"queryId": "q"})
        assert tune.reports(logs, "group", 7) == [{"size": 512, "calls": 70, "ms": 81.5, "used": 96}]


def reported(size, calls, ms, used):
    return {"size": size, "calls": calls, "ms": ms, "used": used}


@pytest.mark.parametrize("rows", [[], [reported(512, tune.FEWEST_CALLS - 1, 80, 90)]])
def test_function_with_few_invocations_is_not_tuned(monkeypatch, rows):
    monkeypatch.setattr(tune, "reports", lambda logs, group, days: rows)
    assert tune._on_aws(None, STEP, "group", 7) is None


def test_function_with_two_sizes_in_its_logs_is_measured(monkeypatch):
    rows = [reported(size, 50, WAITS.milliseconds(size), size / 4) for size in (512, 256)]
    monkeypatch.setattr(tune, "reports", lambda logs, group, days: rows)
    found = tune._on_aws(None, STEP, "group", 7)
    assert (found.source, found.subject.used_mb) == ("measured at 256 and 512 MB", 128)
    assert found.work.processor_ms == pytest.approx(WAITS.processor_ms)


def test_function_with_one_size_in_its_logs_is_an_estimate(monkeypatch):
    monkeypatch.setattr(tune, "reports", lambda logs, group, days: [reported(512, 50, 400, 90)])
    found = tune._on_aws(None, STEP, "group", 7)
    assert "estimate" in found.source and found.work.milliseconds(512) == pytest.approx(400)


def test_table_has_each_size_and_the_best_one(capsys):
    tune.show(PlainConsole(), [tune.Tuned(STEP, WAITS, "estimate"), tune.Tuned(API, Work(0, 1), "measured")])
    step, cost, api, _ = (line.split() for line in capsys.readouterr().out.splitlines()[3:])
    assert (step[0], step[1], step[-2:]) == ("CapturePayment", "328", ["512", "128"])
    assert (cost[:2], api[-2:]) == (["estimate", "0.75"], ["512", "512"])


def test_recommended_sizes_are_written_into_the_stage_file_whose_comments_stay(tmp_path):
    path = tmp_path / "prod.yaml"
    path.write_text("# A stage\nregion: eu-west-1\n\n# Memory\nmemory:\n  Live: 256\n\n# Tags\ntags: {}\n")
    tuned = [tune.Tuned(STEP, WAITS, ""), tune.Tuned(Subject("ShipOrder", 512, 15, 100), COMPUTES, "")]
    assert tune.written(path, tuned) == {"CapturePayment": 128}
    memory = "memory:\n  CapturePayment: 128\n  Live: 256\n"
    assert path.read_text() == f"# A stage\nregion: eu-west-1\n\n# Memory\n{memory}\n# Tags\ntags: {{}}\n"


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["--write"], "WRITE is for stages on AWS"), (["--stage", "demo", "--record"], "RECORD is for the local shop")],
)
def test_tune_refuses_what_a_stage_cannot_give_in_one_line(arguments, reason):
    result = CliRunner().invoke(cli, ["tune", *arguments])
    assert result.exit_code == 2
    assert reason in result.output and result.output.count("\n") == 1
