"""Settings of the functions of the reporting stack, which is deployed apart from the shop's."""

import os
from functools import cache

from pydantic import ConfigDict

from chalicelib.platform.base_model import BaseModel


class ReportingSettings(BaseModel):
    """Each field is an environment variable of the same name in upper case, set by `infra/reporting/template.yaml`.

    The tables are those of the functions that fill the read model.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    aws_region: str
    reporting_host: str
    reporting_port: int
    reporting_database: str
    reporting_user: str
    reporting_ssl_mode: str = "verify-full"
    """As libpq names it."""
    orders_table: str = ""
    payments_table: str = ""
    inventory_table: str = ""
    products_table: str = ""
    search_table: str = ""


@cache
def reporting_settings() -> ReportingSettings:
    """Raises pydantic.ValidationError that names every variable that is missing."""
    return ReportingSettings.model_validate({name.lower(): value for name, value in os.environ.items()})
