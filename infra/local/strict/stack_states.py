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
    from ministack.services.cloudformation import handlers

    actions = handlers._ACTION_HANDLERS
    create, update = actions["CreateStack"], actions["UpdateStack"]
    plan, execute = actions["CreateChangeSet"], actions["ExecuteChangeSet"]

    def stack_of(call: dict[str, Any]) -> dict[str, Any]:
        return handlers._resolve_stack(handlers._p(call, "StackName")) or {}

    def refusal(stack: dict[str, Any]) -> Any:
        """Return the error of an update that this stack's state forbids, or None."""
        status = stack.get("StackStatus")
        if status in GONE | UPDATABLE:
            return None
        return handlers._error(
            "ValidationError", f"Stack:{stack['StackId']} is in {status} state and can not be updated."
        )

    def create_stack(call: dict[str, Any]) -> Any:
        stack = stack_of(call)
        if stack.get("StackStatus") in GONE:
            return create(call)
        return handlers._error("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists")

    def update_stack(call: dict[str, Any]) -> Any:
        return refusal(stack_of(call)) or update(call)

    def create_change_set(call: dict[str, Any]) -> Any:
        stack = stack_of(call)
        status, name = stack.get("StackStatus"), handlers._p(call, "StackName")
        match handlers._p(call, "ChangeSetType", "UPDATE"):
            case "CREATE" if status not in GONE | {"REVIEW_IN_PROGRESS"}:
                change = handlers._p(call, "ChangeSetName")
                text = f"Stack [{name}] already exists and cannot be created again with the changeSet [{change}]."
                return handlers._error("ValidationError", text)
            case "UPDATE" if status == "REVIEW_IN_PROGRESS":
                return handlers._error("ValidationError", f"Stack [{name}] does not exist")
            case "UPDATE":
                return refusal(stack) or plan(call)
        return plan(call)

    def execute_change_set(call: dict[str, Any]) -> Any:
        from ministack.services.cloudformation import changesets

        _, change = changesets._find_change_set(handlers._p(call, "ChangeSetName"), handlers._p(call, "StackName"))
        stack = handlers._resolve_stack(change["StackName"]) if change else None
        waiting = stack and stack["StackStatus"] == "REVIEW_IN_PROGRESS"
        return (None if waiting else refusal(stack or {})) or execute(call)

    actions["CreateStack"], actions["UpdateStack"] = create_stack, update_stack
    actions["CreateChangeSet"], actions["ExecuteChangeSet"] = create_change_set, execute_change_set


RULE = Rule(
    "stack_states",
    "AWS CloudFormation user guide: 'Stack status codes', 'Troubleshooting CloudFormation'; API reference: "
    "'CreateStack', 'CreateChangeSet'",
    install,
)
