"""Loyalty over HTTP, for customers."""

from typing import Annotated

from chalice import Blueprint
from pydantic import Field

from chalicelib import wiring
from chalicelib.platform.base_model import BaseModel
from chalicelib.platform.http import Call, endpoint

routes = Blueprint(__name__)


class Points(BaseModel):
    points: Annotated[int, Field(description="One for each whole euro of completed orders that were not returned.")]


@endpoint(routes, "GET", "/me/points", summary="Get the customer's points", access="customer", answer=Points)
def get_points(call: Call) -> Points:
    """Return the points that the customer has from completed orders, less those of returns."""
    return Points(points=wiring.loyalty().points_of(call.customer_id))
