"""User pool sender: a pool that sends by SES names a verified identity of this account, in a Region it can use.

The identity is the one of the ARN itself: an address of a verified domain needs the ARN of the domain.
"""

from typing import Any

from infra.local.strict.rule import Rule

ALTERNATE_REGIONS = {"us-east-1", "us-west-2", "eu-west-1"}
"""Regions whose identities a pool of another Region may use."""


def install() -> None:
    from ministack.services import cognito

    def checked(save: Any) -> Any:
        def saved(pool: dict[str, Any]) -> Any:
            settings = pool.get("EmailConfiguration") or {}
            if settings.get("EmailSendingAccount") == "DEVELOPER" and (problem := _problem(settings)):
                code, text = problem
                return cognito.error_response_json(code, text, 400)
            return save(pool)

        return saved

    cognito._create_user_pool = checked(cognito._create_user_pool)
    cognito._update_user_pool = checked(cognito._update_user_pool)


def _problem(settings: dict[str, Any]) -> tuple[str, str] | None:
    """Return the code and the message of the refusal."""
    from ministack.core.responses import _request_region, get_account_id, get_region

    arn = settings.get("SourceArn", "")
    _, _, service, region, account, name = (arn.split(":", 5) + [""] * 6)[:6]
    if service != "ses" or not name.startswith("identity/"):
        return "InvalidParameterException", "Email configuration must have a valid SES identity ARN."
    if account != get_account_id():
        return "NotAuthorizedException", "Email arn does not belong to your account."
    if region not in ALTERNATE_REGIONS | {get_region()}:
        return "InvalidParameterException", f"Email arn is from an unsupported region: {region}."
    token = _request_region.set(region)
    try:
        verified = _verified(name.removeprefix("identity/"))
    finally:
        _request_region.reset(token)
    if verified:
        return None
    return "InvalidParameterException", (
        "Cognito received the following error from Amazon SES when attempting to send email: Email address is not "
        f"verified. The following identities failed the check in region {region.upper()}: {arn}"
    )


def _verified(identity: str) -> bool:
    from ministack.services import ses, ses_v2

    first, second = ses._identities.get(identity) or {}, ses_v2._identities.get(identity) or {}
    return first.get("VerificationStatus") == "Success" or bool(second.get("VerifiedForSendingStatus"))


RULE = Rule("pool_sender", "Amazon Cognito developer guide: 'Email settings for Amazon Cognito user pools'", install)
