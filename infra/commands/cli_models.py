"""Command line of the models: what a load, an order and a memory size cost. `cli.py` has the other commands."""

from pathlib import Path
from typing import Any

import click

from infra.commands.options import Assignment, InputFile, Number, StageName, setting


@click.command()
@setting(
    "--stage", "STAGE", "Stage whose template is planned for.", type=StageName(), default="prod", show_default=True
)
@setting("--rps", "RPS", "Requests a second at the API. Default: 10.", type=Number(0, 100_000))
@setting("--orders", "ORDERS", "Orders a minute, instead of RPS.", type=Number(0, 1_000_000))
@setting("--trace", "TRACE", "CSV file `second,rps`, instead of RPS.", type=InputFile())
@setting("--minutes", "MINUTES", "Minutes of arrivals.", type=Number(0.1, 1440), default=10, show_default=True)
@setting("--burst", "BURST", "Orders that arrive at once.", type=click.IntRange(0, 1_000_000), default=0)
@setting("--hot", "HOT", "Share of orders, 0 to 1, with the most sought product.", type=Number(0, 1), default=0)
@setting("--shards", "SHARDS", "Items of that product's stock counter.", type=click.IntRange(1, 16), default=1)
@setting("--seed", "SEED", "Seed of chance: the same seed gives the same plan.", type=int, default=1)
@setting("--set", "SET", "Other settings, such as SendFromConfirmationsQueue.ScalingConfig.MaximumConcurrency=20.",
         type=Assignment(), multiple=True)  # fmt: skip
@setting(
    "--parameter", "PARAMETERS", "Template parameters, such as StepStart=SnapStart.", type=Assignment(), multiple=True
)
@setting("--quota", "QUOTA", "Other quotas, such as lambda_concurrency=3000.", type=Assignment(), multiple=True)
@setting("--keys", "KEYS", "Other numbers of keys, such as OrdersTable/unsettled=20.", type=Assignment(), multiple=True)
@setting("--measured", "MEASURED", "File of measurements. Default: infra/capacity/measured.yaml", type=InputFile())
@setting("--plot", "PLOT", "PNG file to write. Default: .local/plan.png", type=click.Path(path_type=Path))
def plan(**options: Any) -> None:
    """Simulate a load and show cold starts, concurrency, throttles, queues, hot partitions and cost."""
    from infra.commands import plan
    from infra.commands.output import PlainConsole

    plan.plan(PlainConsole(), options)


@click.command()
@setting(
    "--scenario", "SCENARIO", "Assumptions. Default: infra/cost/scenario.yaml",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
)  # fmt: skip
@setting("--out", "OUT", "Chart. Default: .local/cost.svg", type=click.Path(dir_okay=False, path_type=Path))
def cost(scenario: Path | None, out: Path | None) -> None:
    """Show what an order and a month cost on AWS, as tables and a chart."""
    from infra.commands import cost
    from infra.commands.output import PlainConsole

    cost.show(PlainConsole(), scenario, out)


@click.command()
@setting("--stage", "STAGE", "Stage to tune.", type=StageName(), default="local", show_default=True)
@setting("--function", "FUNCTION", "Logical id, such as CapturePayment, or all.", default="all", show_default=True)
@setting("--days", "DAYS", "Days of logs to read, on AWS.", type=click.IntRange(1, 90), default=7, show_default=True)
@setting("--write", "WRITE", "Write the recommended memory to the stage file.", is_flag=True, default=False)
@setting("--record", "RECORD", "Write infra/capacity/processor.yaml, locally.", is_flag=True, default=False)
def tune(stage: str, function: str, days: int, write: bool, record: bool) -> None:
    """Show what each function costs with each memory size, and recommend one."""
    from infra.commands import tune
    from infra.commands.output import PlainConsole

    if write and stage == "local":
        raise click.UsageError("WRITE is for stages on AWS: what the local shop gives is an estimate.")
    if record and stage != "local":
        raise click.UsageError("RECORD is for the local shop: the logs of AWS do not state processor time.")
    tune.tune(PlainConsole(), stage, function, days, write, record)
