"""Measured values: durations, units and effects of each function, and the quotas of the account, from YAML files.

`measured.yaml` states where its values come from. `quotas.yaml` holds AWS's default quotas, each with its page.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.capacity.design import Design

FILE = Path(__file__).with_name("measured.yaml")
QUOTAS = Path(__file__).with_name("quotas.yaml")

Kind = TypeVar("Kind", bound=BaseModel)
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]


class MeasurementsInvalid(Exception):
    """A file has mistakes. `problems` holds a line for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Work(Strict):
    """What one invocation for one order takes and causes.

    `ms` is the median and the 95th percentile. `reads` and `writes` are capacity units by `Table`, `Table/index` or
    `Table#key`, the last being those of them that go to one key. `uses` counts calls by quota. `events` go to a table's
    outbox; a function that `resumes` a workflow writes them for the message that does. `replies` are messages of
    another system, with the seconds until they come.
    """

    ms: tuple[Positive, Positive]
    further_item: NotNegative | None = None
    reads: dict[str, NotNegative] = {}
    writes: dict[str, NotNegative] = {}
    uses: dict[str, Positive] = {}
    events: dict[str, list[str]] = {}
    publishes: bool = False
    sends: list[str] = []
    starts: str | None = None
    resumes: str | None = None
    replies: dict[str, dict[str, NotNegative]] = {}

    def units(self) -> dict[str, float]:
        """Return what is billed, by the units' names in the price table. `Table#key` is part of `Table`."""
        kinds = {"write_unit": self.writes, "read_unit": self.reads}
        return {
            unit: sum(count for place, count in places.items() if "#" not in place) for unit, places in kinds.items()
        }


class Route(Work):
    """`per_order` counts the requests for each order, of its buyer and of those who buy nothing."""

    per_order: NotNegative


class Measured(Strict):
    source: str
    init_ms: Positive
    restore_ms: Positive
    idle_seconds: Positive
    further_item: NotNegative
    transaction_ms: Positive
    throttle_patience_seconds: NotNegative
    contention_patience_seconds: NotNegative
    keys: dict[str, Positive]
    hot_product: str
    shares: dict[str, Annotated[float, Field(ge=0, le=1)]]
    definitions: dict[str, Any] = {}
    routes: dict[str, Route]
    functions: dict[str, Work]


class Quota(Strict):
    """A quota of AWS: a number, or a rate with a burst. `page` names the page of its documentation."""

    page: str
    value: Positive | None = None
    rate: Positive | None = None
    burst: Positive | None = None
    patience: NotNegative = 0
    error: str = "Throttled"


def measured(path: Path = FILE) -> Measured:
    """Raises MeasurementsInvalid."""
    return _read(path, Measured)


def quotas(path: Path = QUOTAS) -> dict[str, Quota]:
    """Raises MeasurementsInvalid."""

    class Quotas(Strict):
        quotas: dict[str, Quota]

    return _read(path, Quotas).quotas


def _read(path: Path, kind: type[Kind]) -> Kind:
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise MeasurementsInvalid([f"{path}: {' '.join(str(error).split())}"]) from None
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise MeasurementsInvalid(
            [f"{path}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        ) from None


def misnamed(found: Measured, design: Design, known: Mapping[str, Quota]) -> list[str]:
    """Return the names in the measurements that neither the template nor the quotas have."""
    work = [*found.routes.values(), *found.functions.values()]
    places = {place.split("#")[0] for each in work for place in (*each.reads, *each.writes)}
    places |= {place.split("#")[0] for place in (*found.keys, found.hot_product)}
    tables = {f"{name}/{index}" for name, table in design.tables.items() for index in table.indexes}
    return [
        *sorted(set(found.functions) - set(design.functions)),
        *sorted(places - set(design.tables) - tables),
        *sorted({queue for each in work for queue in (*each.sends, *each.replies)} - set(design.queues)),
        *sorted({table for each in work for table in each.events} - set(design.tables)),
        *sorted({each.starts for each in work if each.starts} - set(design.workflows)),
        *sorted({name for each in work for name in each.uses} - set(known)),
    ]
