"""SES sandbox: with `SES_SANDBOX=1` an account sends to verified recipients only, and 200 emails in 24 hours.

The emulator refuses unverified senders always, and unverified recipients once an account is in the sandbox; it starts
outside of it and has no quota.
"""

import json
import os
import time
from typing import Any

from infra.local.strict.rule import Rule

SANDBOX = "SES_SANDBOX"
PER_DAY = 200


def install() -> None:
    if os.environ.get(SANDBOX) != "1":
        return
    from ministack.services import ses, ses_v2

    answer, answer_old = ses_v2.handle_request, ses.handle_request

    def in_sandbox() -> bool:
        return not (ses._account_details.get("account") or {}).get("ProductionAccessEnabled", False)

    def used_up() -> bool:
        since = time.time() - 24 * 3600
        return in_sandbox() and sum(mail["Timestamp"] >= since for mail in ses_v2._sent_emails_list()) >= PER_DAY

    async def limited(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if method == "POST" and "/outbound" in path and used_up():
            return ses_v2._json_err("ThrottlingException", "Daily message quota exceeded")
        result = await answer(method, path, headers, body, query)
        if method == "GET" and path.rstrip("/").endswith("/account") and in_sandbox():
            account = json.loads(result[2])
            account["ProductionAccessEnabled"] = False
            account["SendQuota"] |= {"Max24HourSend": float(PER_DAY), "MaxSendRate": 1.0}
            return result[0], result[1], json.dumps(account).encode()
        return result

    async def limited_old(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if b"Action=Send" in body and used_up():
            return ses._error("Throttling", "Daily message quota exceeded", 400)
        return await answer_old(method, path, headers, body, query)

    ses._production_access_enabled = lambda: not in_sandbox()
    ses_v2.handle_request = limited
    ses.handle_request = limited_old


RULE = Rule(
    "mail_sandbox",
    "Amazon SES developer guide: 'Request production access', 'Errors related to the sending quotas'",
    install,
)
