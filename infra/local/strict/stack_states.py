"""Stack states: only a stack at rest after a success or a rolled-back update can be updated, and a name is free only
after its stack was deleted; so a stack whose creation failed must be deleted first."""

from typing import Any

from infra.local.strict.rule import Rule

UPDATABLE = {
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
}
GONE = {None, "DELETE_COMPLETE"}


def install() -> None:
    _check_stack_calls()
    _check_change_sets()


def _check_stack_calls() -> None:
    from ministack.services.cloudformation import handlers

    actions = handlers._ACTION_HANDLERS
    create, update = actions["CreateStack"], actions["UpdateStack"]

    def create_stack(call: dict[str, Any]) -> Any:
        stack = _stack_of(call)
        if stack.get("StackStatus") in GONE:
            return create(call)
        return handlers._error("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists")

    def update_stack(call: dict[str, Any]) -> Any:
        return _update_refusal(_stack_of(call)) or update(call)

    actions["CreateStack"], actions["UpdateStack"] = create_stack, update_stack


def _check_change_sets() -> None:
    from ministack.services.cloudformation import changesets, handlers

    actions = handlers._ACTION_HANDLERS
    plan, execute = actions["CreateChangeSet"], actions["ExecuteChangeSet"]

    def create_change_set(call: dict[str, Any]) -> Any:
        return _plan_refusal(call) or plan(call)

    def execute_change_set(call: dict[str, Any]) -> Any:
        _, change = changesets._find_change_set(handlers._p(call, "ChangeSetName"), handlers._p(call, "StackName"))
        stack = handlers._resolve_stack(change["StackName"]) if change else None
        waiting = stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        return (None if waiting else _update_refusal(stack or {})) or execute(call)

    actions["CreateChangeSet"], actions["ExecuteChangeSet"] = create_change_set, execute_change_set


def _stack_of(call: dict[str, Any]) -> dict[str, Any]:
    from ministack.services.cloudformation import handlers

    return handlers._resolve_stack(handlers._p(call, "StackName")) or {}


def _update_refusal(stack: dict[str, Any]) -> Any:
    """Return the error of an update that this stack's state forbids, or None."""
    from ministack.services.cloudformation import handlers

    status = stack.get("StackStatus")
    if status in GONE | UPDATABLE:
        return None
    return handlers._error("ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated.")


def _plan_refusal(call: dict[str, Any]) -> Any:
    """Return the error of a change set of a type that the stack's state forbids, or None."""
    from ministack.services.cloudformation import handlers

    stack, name = _stack_of(call), handlers._p(call, "StackName")
    status = stack.get("StackStatus")
    match handlers._p(call, "ChangeSetType", "UPDATE"):
        case "CREATE" if status not in GONE | {"REVIEW_IN_PROGRESS"}:
            change = handlers._p(call, "ChangeSetName")
            text = f"Stack [{name}] already exists and cannot be created again with the changeSet [{change}]."
            return handlers._error("ValidationError", text)
        case "UPDATE" if status == "REVIEW_IN_PROGRESS":
            return handlers._error("ValidationError", f"Stack [{name}] does not exist")
        case "UPDATE":
            return _update_refusal(stack)
    return None


RULE = Rule(
    "stack_states",
    "AWS CloudFormation user guide: 'Stack status codes', 'Troubleshooting CloudFormation'; API reference: "
    "'CreateStack', 'CreateChangeSet'",
    install,
)
