"""SES sandbox: with `SES_SANDBOX=1` an account sends to verified recipients only, one email a second, 200 in 24 hours.

The emulator refuses unverified senders always, and unverified recipients once an account is in the sandbox; it starts
outside of it and has no quota. Short bursts may exceed the rate, so it is counted over ten seconds; emails of a bulk
call, of which the shop makes none, count towards it and are not refused for it.
"""

import json
import os
import time
from typing import Any

from infra.local.strict.rule import Rule

SANDBOX = "SES_SANDBOX"
PER_DAY, PER_SECOND = 200, 1
BURST_SECONDS = 10


def install() -> None:
    if os.environ.get(SANDBOX) != "1":
        return
    from ministack.services import ses, ses_v2

    answer, answer_old = ses_v2.handle_request, ses.handle_request

    async def limited(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if method == "POST" and "/outbound" in path and (message := _exceeded("bulk" in path)):
            return ses_v2._json_err("ThrottlingException", message)
        result = await answer(method, path, headers, body, query)
        if method == "GET" and path.rstrip("/").endswith("/account") and _is_in_sandbox():
            account = json.loads(result[2])
            account["ProductionAccessEnabled"] = False
            account["SendQuota"] |= {"Max24HourSend": float(PER_DAY), "MaxSendRate": float(PER_SECOND)}
            return result[0], result[1], json.dumps(account).encode()
        return result

    async def limited_old(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if b"Action=Send" in body and (message := _exceeded(b"Action=SendBulk" in body)):
            return ses._error("Throttling", message, 400)
        return await answer_old(method, path, headers, body, query)

    ses._production_access_enabled = lambda: not _is_in_sandbox()
    ses_v2.handle_request = limited
    ses.handle_request = limited_old


def _is_in_sandbox() -> bool:
    from ministack.services import ses

    return not (ses._account_details.get("account") or {}).get("ProductionAccessEnabled", False)


def _exceeded(is_bulk: bool = False) -> str | None:
    """Return the message of the refusal."""
    if not _is_in_sandbox():
        return None
    if _sent(24 * 3600) >= PER_DAY:
        return "Daily message quota exceeded"
    is_too_fast = not is_bulk and _sent(BURST_SECONDS) >= PER_SECOND * BURST_SECONDS
    return "Maximum sending rate exceeded" if is_too_fast else None


def _sent(seconds: int) -> int:
    from ministack.services import ses_v2

    since = time.time() - seconds
    return sum(mail["Timestamp"] >= since for mail in ses_v2._sent_emails_list())


RULE = Rule(
    "mail_sandbox",
    "Amazon SES developer guide: 'Request production access', 'Errors related to the sending quotas'",
    install,
)
