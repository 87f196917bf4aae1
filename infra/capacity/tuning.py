"""Memory tuning: what a function takes and costs with each memory size, from its processor time and its waiting.

Lambda gives a function processor time in proportion to its memory, one vCPU at 1,769 MB: AWS Lambda developer guide,
"Configure Lambda function memory". So an invocation takes `wait + processor × 1769 / memory`, and no less than on a
whole vCPU, because the handlers use one thread. Two sizes that were measured give both parts; with one, the processor
time comes from the emulator. Pure functions.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from infra.cost.model import MB_PER_PROCESSOR, MILLION, functions

SIZES = (128, 256, 512, 1024, MB_PER_PROCESSOR)
HEADROOM = 1.25
"""A size must be this much above the most memory that was used."""
SHARE_OF_TIMEOUT = 1 / 3
"""An invocation may take this share of its time limit."""
WORTH_CHANGING = 0.1
"""A change must save this share of the cost."""
WAITED_FOR = ("APIHandler", "Live")
"""Functions that a person waits for: the product of cost and duration decides, as the "balanced" strategy of AWS Lambda
Power Tuning."""


@dataclass(frozen=True)
class Work:
    """An invocation's milliseconds on a whole vCPU, and those in which it waits for others."""

    processor_ms: float
    wait_ms: float

    def milliseconds(self, size: int) -> float:
        return self.wait_ms + self.processor_ms * _slowness(size)


@dataclass(frozen=True)
class Subject:
    """A function as it is deployed. `used_mb` is the most memory that an invocation used."""

    name: str
    size: int
    timeout: float
    used_mb: float
    processor: str = "arm"


@dataclass(frozen=True)
class Option:
    size: int
    milliseconds: float
    usd_per_million: float


def fitted(durations: Mapping[int, float]) -> Work:
    """Return the work that fits the mean durations by memory size best: least squares.

    Raises ValueError for one size.
    """
    slowness = {size: _slowness(size) for size in durations}
    middle, mean = fmean(slowness.values()), fmean(durations.values())
    spread = sum((each - middle) ** 2 for each in slowness.values())
    if not spread:
        raise ValueError("durations of two sizes with different shares of a processor are needed")
    together = sum((slowness[size] - middle) * (durations[size] - mean) for size in durations)
    processor = min(max(0.0, together / spread), mean / middle)
    return Work(processor, mean - processor * middle)


def split(size: int, milliseconds: float, processor_ms: float) -> Work:
    """Return the work behind a duration at one size, with the processor time that was measured elsewhere."""
    processor = min(processor_ms, milliseconds / _slowness(size))
    return Work(processor, milliseconds - processor * _slowness(size))


def options(work: Work, subject: Subject) -> list[Option]:
    """Return each memory size that the function can have, the deployed one included."""
    return [
        Option(size, milliseconds, functions(MILLION, milliseconds, size, subject.processor))
        for size in sorted({*SIZES, subject.size})
        if size == subject.size or size >= subject.used_mb * HEADROOM
        for milliseconds in [work.milliseconds(size)]
    ]


def recommended(found: list[Option], subject: Subject) -> Option:
    """Return the best option: the deployed one, unless another costs clearly less and is quick enough."""
    (deployed,) = (each for each in found if each.size == subject.size)
    quick = [each for each in found if each.milliseconds <= 1000 * subject.timeout * SHARE_OF_TIMEOUT] or [deployed]
    if subject.name in WAITED_FOR:
        best = min(quick, key=_product)
        return best if _product(best) < (1 - WORTH_CHANGING) * _product(deployed) else deployed
    best = min(quick, key=lambda each: each.usd_per_million)
    return best if best.usd_per_million < (1 - WORTH_CHANGING) * deployed.usd_per_million else deployed


def _product(option: Option) -> float:
    return option.usd_per_million * option.milliseconds


def _slowness(size: int) -> float:
    """Return how much longer a computation takes than on a whole vCPU."""
    return max(1.0, MB_PER_PROCESSOR / size)
