"""The lab over HTTP, for admins. It places its orders through the public API, like everybody."""

from typing import Annotated

from chalice import Blueprint
from pydantic import BaseModel, ConfigDict, Field

from chalicelib import wiring
from chalicelib.lab.auditor import Audit, AuditNotOffered
from chalicelib.platform.clock import Timestamp
from chalicelib.platform.http import Call, endpoint

routes = Blueprint(__name__)


class AuditRequest(BaseModel):
    model_config = ConfigDict(extra="forbid")

    since: Annotated[
        Timestamp | None, Field(description="Tell how the orders went that were placed since then. All if absent.")
    ] = None


@endpoint(
    routes, "POST", "/admin/audit", summary="Check every promise about money and stock", access="admin",
    body=AuditRequest, body_required=False, answer=Audit, refusals=(AuditNotOffered,),
)  # fmt: skip
def run_audit(call: Call, body: AuditRequest) -> Audit:
    return wiring.auditor().audit(body.since)
