"""Command line of the test bed's mutation. `cli.py` has the other commands."""

import os

import click

from infra.commands.options import setting
from testbed.mutation import Kind


@click.command()
@setting("--kind", "KIND", "Kind of protection. Default: all.", type=click.Choice([kind.value for kind in Kind]))
@setting("--limit", "LIMIT", "Number of protections, chosen by SEED. Default: all.", type=click.IntRange(1))
@setting("--seed", "SEED", "Seed of their order.", type=int, default=0, show_default=True)
@setting(
    "--only", "ONLY", "Instead of all parts: the tests, or the simulator.", type=click.Choice(["tests", "simulate"])
)
@setting("--seeds", "SEEDS", "Seeds of the simulator.", type=click.IntRange(1, 10_000), default=6, show_default=True)
@setting("--match", "MATCH", "Regular expression for their ids, such as inventory/store.", default="")
@setting("--workers", "WORKERS", "Processes at once. Default: one a core.", type=click.IntRange(1, 64))
def mutate(
    kind: str | None, limit: int | None, seed: int, only: str | None, seeds: int, match: str, workers: int | None
) -> int:
    """Remove protections one at a time. Exit code 1 if one survives all parts and is not explained."""
    from infra.commands import mutate
    from infra.commands.output import PlainConsole

    asked = mutate.Asked(
        kind=Kind(kind) if kind else None,
        limit=limit,
        seed=seed,
        only=only,
        seeds=seeds,
        match=match,
        workers=workers or os.cpu_count() or 1,
    )
    return mutate.run(PlainConsole(), asked)
