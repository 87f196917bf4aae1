"""Insights over HTTP: for the shop's people, for buyers, and for whoever browses. Names are the catalog's."""

from dataclasses import asdict
from typing import Annotated, Literal

from chalice import Blueprint
from pydantic import ConfigDict, Field

from chalicelib import wiring
from chalicelib.catalog.model import ProductNotFound
from chalicelib.catalog.routes import SHARED_SECONDS, ProductView, product_view
from chalicelib.events.contracts import Variant
from chalicelib.insights.funnel import VARIANTS, Finding, FunnelDay, Step, compared, in_words, of_variant
from chalicelib.insights.model import best_selling, by_country
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, endpoint
from chalicelib.platform.shop import shop

routes = Blueprint(__name__)

TOP_PRODUCTS = 10
RECOMMENDED = 4
LOOKED_AT = 20
"""So many candidates are asked for in the catalog: some may not be sold any more."""

Revenue = Annotated[int, Field(description="Minor units, less what was returned; so it may be less than nothing.")]


class DayView(BaseModel):
    date: Annotated[str, Field(description="In the shop's time zone.", examples=["2030-05-17"])]
    orders: int
    pieces: int
    revenue: Revenue


class TopProduct(BaseModel):
    sku: str
    name: Annotated[str | None, Field(description="Absent if it is not sold any more.")]
    pieces: int
    revenue: Revenue


class Pair(BaseModel):
    skus: Annotated[list[str], Field(min_length=2, max_length=2)]
    orders: Annotated[int, Field(description="How many orders had both.")]


class CountryView(BaseModel):
    country: Annotated[str, Field(description="Where it was sent: ISO 3166-1 alpha-2.")]
    orders: int
    revenue: Revenue


class Steps(BaseModel):
    """How often each step was taken. The first three are what pages tell, once for each browser session, so they are
    neither complete nor proof against who tells more; the last two are what the orders say."""

    visit: int
    cart: int
    checkout: int
    placed: int
    completed: int


class FunnelDayView(Steps):
    date: str
    by_variant: Annotated[dict[str, Steps], Field(description="`-` is whoever saw no half of the experiment.")]


class VariantView(Steps):
    variant: Variant
    conversion: Annotated[float | None, Field(description="Orders placed for each visit, where that can be said.")]


class ExperimentView(BaseModel):
    """Of these days. `p_value`: how probable at least such a difference is if there is none; by a z-test, two-sided."""

    variants: list[VariantView]
    finding: Finding
    p_value: float | None
    in_words: str


class InsightsView(BaseModel):
    currency: str
    time_zone: Annotated[str, Field(description="In which all days are cut: IANA.", examples=["Europe/Berlin"])]
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
    """What a page tells of a visit, and nothing about who visits."""

    model_config = ConfigDict(extra="forbid")

    step: Literal[Step.VISIT, Step.CART, Step.CHECKOUT]
    variant: Annotated[Variant | None, Field(description="Which half of the experiment is seen, if any.")] = None


class StepCounted(BaseModel):
    step: Step


class AlsoBought(BaseModel):
    items: list[ProductView]
    next_cursor: None = None


class Points(BaseModel):
    points: Annotated[int, Field(description="One for each whole euro of completed orders that were not returned.")]


@endpoint(
    routes, "GET", "/admin/insights", summary="What was sold lately, and what it led to", access="admin",
    query=InsightsQuery, answer=InsightsView,
)  # fmt: skip
def get_insights(call: Call, query: InsightsQuery) -> InsightsView:
    days, funnel = wiring.insights().sales(query.days), wiring.insights().funnel(query.days)
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
            Pair(skus=[one, other], orders=orders) for one, other, orders in wiring.insights().bought_together()
        ],
        points=wiring.insights().all_points(),
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
    routes, "POST", "/steps", summary="Count a step that a page's visitor takes", status=202,
    body=StepTaken, answer=StepCounted,
)  # fmt: skip
def count_step(call: Call, body: StepTaken) -> StepCounted:
    wiring.insights().count_step(body.step, body.variant)
    return StepCounted(step=body.step)


@endpoint(
    routes, "GET", "/products/{sku}/also-bought", summary="What was bought together with a product, at most four",
    answer=AlsoBought, shared_seconds=SHARED_SECONDS, refusals=(ProductNotFound,),
)  # fmt: skip
def list_also_bought(call: Call, sku: str) -> AlsoBought:
    wiring.catalog().product(sku)
    skus = wiring.insights().also_bought(sku)[:LOOKED_AT]
    products = wiring.catalog().products(skus)
    recommended = [products[sku] for sku in skus if sku in products and not products[sku].archived][:RECOMMENDED]
    available = wiring.inventory().available([product.sku for product in recommended])
    return AlsoBought(items=[product_view(product, available) for product in recommended])


@endpoint(routes, "GET", "/me/points", summary="The customer's points", access="customer", answer=Points)
def get_points(call: Call) -> Points:
    return Points(points=wiring.insights().points_of(call.customer_id))
