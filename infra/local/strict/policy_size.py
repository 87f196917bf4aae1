"""Policy size: a role's inline policies together have at most 10,240 characters, a managed policy 6,144, without white
space; a role has at most 10 managed policies."""

import json
from typing import Any

from infra.local.strict.rule import Rule

INLINE = 10_240
MANAGED = 6_144
ATTACHED = 10


def install() -> None:
    _limit_calls()
    _limit_stacks()


def _limit_calls() -> None:
    """Refuse what is too large in calls of the API. `AWS::IAM::Policy` is created by the same functions."""
    from ministack.services import iam

    put, attach = iam._put_role_policy, iam._attach_role_policy

    def put_role_policy(call: dict[str, Any]) -> Any:
        role = iam._roles.get(iam._p(call, "RoleName"))
        if role:
            others = role["InlinePolicies"]
            policies = {**others, iam._p(call, "PolicyName"): iam._p(call, "PolicyDocument")}
            if problem := _inline_problem(role["RoleName"], policies):
                return iam._error(409, "LimitExceeded", problem)
        return put(call)

    def attach_role_policy(call: dict[str, Any]) -> Any:
        role = iam._roles.get(iam._p(call, "RoleName"))
        if role and (problem := _attached_problem({*role["AttachedPolicies"], iam._p(call, "PolicyArn")})):
            return iam._error(409, "LimitExceeded", problem)
        return attach(call)

    def sized(create: Any) -> Any:
        def checked(call: dict[str, Any]) -> Any:
            if problem := _managed_problem(iam._p(call, "PolicyDocument")):
                return iam._error(409, "LimitExceeded", problem)
            return create(call)

        return checked

    patched = {
        "PutRolePolicy": put_role_policy,
        "AttachRolePolicy": attach_role_policy,
        "CreatePolicy": sized(iam._create_policy),
        "CreatePolicyVersion": sized(iam._create_policy_version),
    }
    iam._IAM_HANDLERS.update(patched)
    iam._put_role_policy = put_role_policy
    iam._create_policy_version = patched["CreatePolicyVersion"]


def _limit_stacks() -> None:
    """Refuse roles and managed policies of a template, which the emulator stores without those functions."""
    from ministack.services import iam
    from ministack.services.cloudformation import provisioners

    roles = provisioners._RESOURCE_HANDLERS["AWS::IAM::Role"]
    managed = provisioners._RESOURCE_HANDLERS["AWS::IAM::ManagedPolicy"]

    def check_role(properties: dict[str, Any]) -> None:
        named = {policy["PolicyName"]: policy["PolicyDocument"] for policy in properties.get("Policies", [])}
        problem = _inline_problem(properties.get("RoleName", "of this stack"), named)
        _raise(problem or _attached_problem(set(map(str, properties.get("ManagedPolicyArns", [])))))

    def check_managed(properties: dict[str, Any]) -> None:
        _raise(_managed_problem(properties.get("PolicyDocument", {})))
        for name in properties.get("Roles", []):
            role = iam._roles.get(name) or {"AttachedPolicies": []}
            _raise(_attached_problem({*role["AttachedPolicies"], "this one"}))

    for handlers, check in ((roles, check_role), (managed, check_managed)):
        _check_first(handlers, check)


def _check_first(handlers: dict[str, Any], check: Any) -> None:
    create, update = handlers["create"], handlers["update"]

    def created(logical_id: str, properties: dict[str, Any], stack: str) -> Any:
        check(properties)
        return create(logical_id, properties, stack)

    def updated(name: str, old: dict[str, Any], new: dict[str, Any], *others: Any) -> Any:
        check(new)
        return update(name, old, new, *others)

    handlers["create"], handlers["update"] = created, updated


def characters(document: Any) -> int:
    """Return the size of a policy as IAM counts it: without white space."""
    text = document if isinstance(document, str) else json.dumps(document)
    return len("".join(text.split()))


def _inline_problem(role: str, policies: dict[str, Any]) -> str:
    if sum(map(characters, policies.values())) <= INLINE:
        return ""
    return f"Maximum policy size of {INLINE} bytes exceeded for role {role}"


def _managed_problem(document: Any) -> str:
    return f"Cannot exceed quota for PolicySize: {MANAGED}" if characters(document) > MANAGED else ""


def _attached_problem(arns: set[str]) -> str:
    return f"Cannot exceed quota for PoliciesPerRole: {ATTACHED}" if len(arns) > ATTACHED else ""


def _raise(problem: str) -> None:
    if problem:
        raise ValueError(f"{problem} (Service: Iam, Status Code: 409)")


RULE = Rule("policy_size", "IAM user guide: 'IAM and AWS STS quotas', 'IAM and STS character limits'", install)
