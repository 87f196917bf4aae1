"""Analytics over HTTP: sales and funnel for admins, and the steps that pages report. Names are the catalog's."""

from dataclasses import asdict
from typing import Annotated, Literal

from chalice import Blueprint
from pydantic import ConfigDict, Field

from chalicelib import wiring
from chalicelib.analytics.experiment import VARIANTS
from chalicelib.analytics.funnel import Finding, FunnelDay, Step, compared, in_words, of_variant
from chalicelib.analytics.model import best_selling, by_country
from chalicelib.events.contracts import Variant
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.ids import Sku
from chalicelib.platform.shop import shop

routes = Blueprint(__name__)

TOP_PRODUCTS = 10

Revenue = Annotated[int, Field(description="Minor units, less returns; it may be negative.")]


class DayView(BaseModel):
    date: Annotated[str, Field(description="In the shop's time zone.", examples=["2030-05-17"])]
    orders: int
    pieces: int
    revenue: Revenue


class TopProduct(BaseModel):
    sku: Sku
    name: Annotated[str | None, Field(description="Absent if it is no longer sold.")]
    pieces: int
    revenue: Revenue


class Pair(BaseModel):
    skus: Annotated[list[Sku], Field(min_length=2, max_length=2)]
    orders: Annotated[int, Field(description="How many orders had both.")]


class CountryView(BaseModel):
    country: Annotated[str, Field(description="The destination: ISO 3166-1 alpha-2.")]
    orders: int
    revenue: Revenue


class Steps(BaseModel):
    """How often each step was taken. Pages report the first three once for each browser session, so they are neither
    complete nor protected against inflated counts; the last two come from order events and are exact."""

    visit: int
    cart: int
    checkout: int
    placed: int
    completed: int


class FunnelDayView(Steps):
    date: str
    by_variant: Annotated[dict[str, Steps], Field(description="`-` counts visitors who saw no variant.")]


class VariantView(Steps):
    variant: Variant
    conversion: Annotated[float | None, Field(description="Orders placed for each visit; null without visits.")]


class ExperimentView(BaseModel):
    """The experiment over these days. `p_value` is that of a two-sided two-proportion z-test."""

    variants: list[VariantView]
    finding: Finding
    p_value: float | None
    in_words: str


class InsightsView(BaseModel):
    currency: str
    time_zone: Annotated[str, Field(description="The IANA time zone of all days.", examples=["Europe/Berlin"])]
    days: Annotated[list[DayView], Field(description="Today is the last.")]
    top_products: Annotated[list[TopProduct], Field(description="Of these days, most revenue first.")]
    countries: Annotated[
        list[CountryView], Field(description="Of these days, most revenue first. Older counts may have none.")
    ]
    funnel: Annotated[list[FunnelDayView], Field(description="Of these days, today the last.")]
    experiment: ExperimentView
    bought_together: Annotated[list[Pair], Field(description="Since the shop was opened, the most frequent first.")]
    points: Annotated[int, Field(description="Of all customers together.")]


class InsightsQuery(BaseModel):
    days: Annotated[int, Field(ge=1, le=31)] = 7


class StepTaken(BaseModel):
    """A step of a visit that a page reports. It does not identify the visitor."""

    model_config = ConfigDict(extra="forbid")

    step: Literal[Step.VISIT, Step.CART, Step.CHECKOUT]
    variant: Annotated[Variant | None, Field(description="The variant that the visitor sees, if any.")] = None


class StepCounted(BaseModel):
    step: Step


@endpoint(
    routes, "GET", "/admin/insights", summary="Get sales, funnel and experiment of recent days", access="admin",
    query=InsightsQuery, answer=InsightsView,
)  # fmt: skip
def get_insights(call: Call, query: InsightsQuery) -> InsightsView:
    """Return sales, funnel, experiment, product pairs and points. Days are those of the shop's time zone."""
    days, funnel = wiring.analytics().sales(query.days), wiring.analytics().funnel(query.days)
    best = best_selling(days)[:TOP_PRODUCTS]
    products = wiring.catalog().products([sku for sku, _ in best])
    return InsightsView(
        currency=shop().currency,
        time_zone=shop().time_zone,
        days=[DayView(date=day.date, orders=day.orders, pieces=day.pieces, revenue=day.revenue) for day in days],
        top_products=[
            TopProduct(
                sku=sku,
                name=products[sku].name if sku in products else None,
                pieces=sold.pieces,
                revenue=sold.revenue,
            )
            for sku, sold in best
        ],
        countries=[CountryView(country=country, **asdict(sales)) for country, sales in by_country(days)],
        funnel=[
            FunnelDayView(
                date=day.date, **asdict(day.all), by_variant={v: Steps(**asdict(c)) for v, c in day.by_variant.items()}
            )
            for day in funnel
        ],
        experiment=_experiment(funnel),
        bought_together=[
            Pair(skus=[one, other], orders=orders) for one, other, orders in wiring.recommendations().bought_together()
        ],
        points=wiring.loyalty().all_points(),
    )


def _experiment(funnel: list[FunnelDay]) -> ExperimentView:
    counts = {variant: of_variant(funnel, variant) for variant in VARIANTS}
    comparison = compared(counts["a"], counts["b"])
    return ExperimentView(
        variants=[VariantView(variant=v, **asdict(c), conversion=c.conversion) for v, c in counts.items()],
        finding=comparison.finding,
        p_value=comparison.p_value,
        in_words=in_words(counts["a"], counts["b"], comparison),
    )


@endpoint(
    routes, "POST", "/steps", summary="Count a step of a visit", status=202,
    body=StepTaken, answer=StepCounted,
)  # fmt: skip
def count_step(call: Call, body: StepTaken) -> StepCounted:
    """Count a step of a visit on today's funnel. A repeated request is counted again."""
    wiring.analytics().count_step(body.step, body.variant)
    return StepCounted(step=body.step)
