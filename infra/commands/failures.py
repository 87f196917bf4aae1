"""Exit codes: turns a failure that the user can resolve into one line and an exit code. A bug keeps its traceback."""

from botocore.exceptions import BotoCoreError, ClientError
from stripe import StripeError

from infra.build.package import PackagingFailed
from infra.build.storefront import BuildFailed, PackagesMissing
from infra.capacity.design import SettingUnknown
from infra.capacity.measured import MeasurementsInvalid
from infra.capacity.sources import TraceInvalid
from infra.commands.bench_imports import NotMetered
from infra.commands.browser import NoBrowser
from infra.commands.client import Refused, StillRunning
from infra.commands.coverage import NotCovered
from infra.commands.deploying import Blocked
from infra.commands.deployment import NotDeployed
from infra.commands.job import JobFailed, JobUnknown
from infra.commands.lighthouse import MachineBusy
from infra.commands.logs import FunctionUnknown
from infra.commands.people import NotAllowed
from infra.commands.tour import TourStuck
from infra.commands.tune import NothingMeasured
from infra.cost.prices import PricesInvalid
from infra.deploy.artifacts import BucketNotOurs
from infra.deploy.changes import ConfirmationNeeded
from infra.deploy.destroy import NothingToDelete, ProtectedStage
from infra.deploy.link_keys import RotationNotDeployed
from infra.deploy.parameters import ValueMissing
from infra.deploy.reporting import ReportingFailed, ReportingOff
from infra.deploy.stack import DeploymentFailed
from infra.deploy.stages import StageFileInvalid, WrongRegion
from infra.deploy.stripe_key import KeyMissing
from infra.local.processes import DidNotStart, PortBusy, PortInvalid
from infra.local.run import AlreadyAtWork, NotRunning
from testbed.plan import PlanInvalid

BAD_INPUT = 2
FAILED = 1

EXIT_CODES: dict[type[Exception], int] = {
    AlreadyAtWork: BAD_INPUT,
    BotoCoreError: BAD_INPUT,
    BucketNotOurs: BAD_INPUT,
    ClientError: BAD_INPUT,
    ConfirmationNeeded: BAD_INPUT,
    FunctionUnknown: BAD_INPUT,
    JobUnknown: BAD_INPUT,
    KeyMissing: BAD_INPUT,
    MachineBusy: FAILED,
    MeasurementsInvalid: BAD_INPUT,
    NoBrowser: BAD_INPUT,
    NotAllowed: BAD_INPUT,
    NotCovered: BAD_INPUT,
    NotDeployed: BAD_INPUT,
    NotMetered: BAD_INPUT,
    NotRunning: BAD_INPUT,
    NothingMeasured: FAILED,
    NothingToDelete: BAD_INPUT,
    OSError: BAD_INPUT,
    PackagesMissing: BAD_INPUT,
    PlanInvalid: BAD_INPUT,
    PortBusy: BAD_INPUT,
    PortInvalid: BAD_INPUT,
    PricesInvalid: BAD_INPUT,
    ProtectedStage: BAD_INPUT,
    Refused: BAD_INPUT,
    ReportingOff: BAD_INPUT,
    RotationNotDeployed: BAD_INPUT,
    SettingUnknown: BAD_INPUT,
    StageFileInvalid: BAD_INPUT,
    StripeError: BAD_INPUT,
    TraceInvalid: BAD_INPUT,
    ValueMissing: BAD_INPUT,
    WrongRegion: BAD_INPUT,
    Blocked: FAILED,
    BuildFailed: FAILED,
    DeploymentFailed: FAILED,
    DidNotStart: FAILED,
    JobFailed: FAILED,
    PackagingFailed: FAILED,
    ReportingFailed: FAILED,
    StillRunning: FAILED,
    TourStuck: FAILED,
}


def exit_code_of(failure: Exception) -> int | None:
    """Return the exit code, or None if the failure is a bug."""
    return next((code for kind, code in EXIT_CODES.items() if isinstance(failure, kind)), None)
