"""Cost of product imports: what each way of a file bills, measured on the local shop, and its price per row."""

from functools import cache
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.cost.model import Scenario, bill
from infra.cost.prices import PricesInvalid, prices
from infra.cost.units import Units, totals

FILE = Path(__file__).with_name("imports.yaml")
WAYS = {"queue": "queue", "small": "Express", "large": "Distributed Map"}
"""By the name in the file."""
MILLISECONDS = "millisecond"


class Way(BaseModel):
    """An import of new products: its rows, the seconds from the upload to its end, and its billed units."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    rows: Annotated[int, Field(gt=0)]
    seconds: Annotated[float, Field(gt=0)]
    units: Units

    def cost(self, of: Scenario, rows: int) -> dict[str, float]:
        """Return the US dollars for so many rows by service."""
        counted = totals(self.units)
        milliseconds = counted.pop(MILLISECONDS, 0)
        counted[f"lambda_gb_second_{of.processor}"] = milliseconds / 1000 * of.slowdown * of.memory_mb / 1024
        for unit in ("log_byte", "archived_byte"):
            counted[unit.replace("_byte", "_gb")] = counted.pop(unit, 0) / 1e9
        counted[f"{of.api}_request"] = counted.pop("rest_request", 0)
        return {service: usd * rows / self.rows for service, usd in bill(counted, prices()).items()}


@cache
def measured(path: Path = FILE) -> dict[str, Way]:
    """Return the measured ways by name. Raises PricesInvalid."""
    try:
        return {name: Way.model_validate(way) for name, way in yaml.safe_load(path.read_text()).items()}
    except (OSError, yaml.YAMLError) as error:
        raise PricesInvalid([f"{path.name}: {error}"]) from error
    except ValidationError as error:
        raise PricesInvalid(
            [f"{path.name}: {'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        ) from error


def record(found: dict[str, Way], path: Path = FILE) -> None:
    """Write what was measured into the file, in place of earlier measurements."""
    head = "# What AWS bills for a product import by its way; `make bench-imports` measures it and writes this file.\n"
    text = yaml.safe_dump({name: way.model_dump() for name, way in found.items()}, sort_keys=False, width=118)
    path.write_text(head + text)
    measured.cache_clear()
