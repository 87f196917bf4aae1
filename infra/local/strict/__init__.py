"""Strict rules: what AWS refuses or does differently, on top of the AWS emulator (MiniStack).

The launcher installs them in the order of `RULES`. `STRICT_WITHOUT=name,name` leaves rules out, which shows that the
tests of `tests/strict` and `tests/e2e` fail without them.
"""

import os

from infra.local.strict import (
    app_client_secret,
    callbacks,
    cognito_limits,
    concurrency,
    create_bucket,
    http_apis,
    integration_permissions,
    log_queries,
    mail_sandbox,
    missing_object,
    policy_size,
    pool_sender,
    rule_targets,
    stack_states,
    stage_cache,
    stopped_workflows,
    stream_batches,
    task_tokens,
    trace_headers,
    transaction_conflicts,
    visibility_timeout,
    websocket_subprotocol,
    workflow_starts,
)
from infra.local.strict.rule import Rule

WITHOUT = "STRICT_WITHOUT"

RULES: tuple[Rule, ...] = (
    app_client_secret.RULE,
    cognito_limits.RULE,
    concurrency.RULE,
    create_bucket.RULE,
    http_apis.RULE,
    integration_permissions.RULE,
    log_queries.RULE,
    mail_sandbox.RULE,
    missing_object.RULE,
    policy_size.RULE,
    pool_sender.RULE,
    rule_targets.RULE,
    stack_states.RULE,
    stage_cache.RULE,
    stopped_workflows.RULE,
    stream_batches.RULE,
    task_tokens.RULE,
    trace_headers.RULE,
    transaction_conflicts.RULE,
    visibility_timeout.RULE,
    websocket_subprotocol.RULE,
    workflow_starts.RULE,
    callbacks.RULE,
)
"""In the order of their installation: `callbacks` passes on the errors that `concurrency` names."""


def install() -> None:
    """Install every rule that `STRICT_WITHOUT` does not name."""
    without = os.environ.get(WITHOUT, "").split(",")
    for rule in RULES:
        if rule.name not in without:
            rule.install()
