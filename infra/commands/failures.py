"""Exit codes: turns a failure that the user can resolve into one line and an exit code. A bug keeps its traceback."""

import sys

BAD_INPUT = 2
FAILED = 1

EXIT_CODES = {
    "infra.local.run.AlreadyAtWork": BAD_INPUT,
    "botocore.exceptions.BotoCoreError": BAD_INPUT,
    "infra.deploy.artifacts.BucketNotOurs": BAD_INPUT,
    "botocore.exceptions.ClientError": BAD_INPUT,
    "infra.deploy.changes.ConfirmationNeeded": BAD_INPUT,
    "infra.commands.logs.FunctionUnknown": BAD_INPUT,
    "infra.commands.job.JobUnknown": BAD_INPUT,
    "infra.deploy.stripe_key.KeyMissing": BAD_INPUT,
    "infra.commands.lighthouse.MachineBusy": FAILED,
    "infra.capacity.measured.MeasurementsInvalid": BAD_INPUT,
    "infra.commands.browser.NoBrowser": BAD_INPUT,
    "infra.commands.people.NotAllowed": BAD_INPUT,
    "infra.commands.coverage.NotCovered": BAD_INPUT,
    "infra.commands.deployment.NotDeployed": BAD_INPUT,
    "infra.commands.bench_imports.NotMetered": BAD_INPUT,
    "infra.local.run.NotRunning": BAD_INPUT,
    "infra.commands.tune.NothingMeasured": FAILED,
    "infra.deploy.destroy.NothingToDelete": BAD_INPUT,
    "builtins.OSError": BAD_INPUT,
    "infra.build.storefront.PackagesMissing": BAD_INPUT,
    "testbed.plan.PlanInvalid": BAD_INPUT,
    "infra.local.processes.PortBusy": BAD_INPUT,
    "infra.local.processes.PortInvalid": BAD_INPUT,
    "infra.cost.prices.PricesInvalid": BAD_INPUT,
    "infra.deploy.destroy.ProtectedStage": BAD_INPUT,
    "infra.commands.client.Refused": BAD_INPUT,
    "infra.deploy.reporting.ReportingOff": BAD_INPUT,
    "infra.deploy.link_keys.RotationNotDeployed": BAD_INPUT,
    "infra.capacity.design.SettingUnknown": BAD_INPUT,
    "infra.deploy.stages.StageFileInvalid": BAD_INPUT,
    "stripe.StripeError": BAD_INPUT,
    "infra.capacity.sources.TraceInvalid": BAD_INPUT,
    "infra.deploy.parameters.ValueMissing": BAD_INPUT,
    "infra.deploy.stages.WrongRegion": BAD_INPUT,
    "infra.commands.deploying.Blocked": FAILED,
    "infra.build.storefront.BuildFailed": FAILED,
    "infra.deploy.stack.DeploymentFailed": FAILED,
    "infra.local.processes.DidNotStart": FAILED,
    "infra.commands.job.JobFailed": FAILED,
    "infra.build.package.PackagingFailed": FAILED,
    "infra.deploy.reporting.ReportingFailed": FAILED,
    "infra.commands.client.StillRunning": FAILED,
    "infra.commands.tour.TourStuck": FAILED,
}
"""By the exception's module and name, because importing them all would take longer than most commands."""


def exit_code_of(failure: Exception) -> int | None:
    """Return the exit code, or None if the failure is a bug."""
    return next((code for name, code in EXIT_CODES.items() if _is_a(failure, name)), None)


def _is_a(failure: Exception, name: str) -> bool:
    """Return whether the failure is of this class, whose module is loaded if it is."""
    module, _, kind = name.rpartition(".")
    return module in sys.modules and isinstance(failure, getattr(sys.modules[module], kind))
