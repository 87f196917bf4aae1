"""SES adapter: send one email, and distinguish a refusal (nothing was sent) from an unknown outcome.

SES has no idempotency key, so a call whose answer was lost cannot be recognised afterwards: delivery is at least once
unless it is bounded before the call (`IdempotencyStore.run_once` with `at_most`). For the same reason its client
must not retry by itself (`aws.ses`).
"""

from typing import TYPE_CHECKING, Literal

from botocore.exceptions import ClientError

from chalicelib.notifications.model import Email
from chalicelib.platform.idempotency import NoEffect

if TYPE_CHECKING:
    from types_boto3_sesv2.client import SESV2Client
    from types_boto3_sesv2.type_defs import MessageHeaderTypeDef, MessageTypeDef


class EmailRefused(NoEffect):
    """SES refused the message and sent nothing: a limit, a suppressed address, or a text it does not take."""


class SesSender:
    def __init__(self, ses: "SESV2Client", sender: str, configuration_set: str) -> None:
        self._ses = ses
        self._sender = sender
        self._configuration_set = configuration_set

    def send(self, email: Email) -> Literal[True]:
        """Raise EmailRefused if nothing was sent. After any other exception it may have been sent."""
        headers: list[MessageHeaderTypeDef] = [{"Name": name, "Value": value} for name, value in email.headers.items()]
        message: MessageTypeDef = {
            "Subject": {"Data": email.subject, "Charset": "UTF-8"},
            "Body": {
                "Text": {"Data": email.text, "Charset": "UTF-8"},
                "Html": {"Data": email.html, "Charset": "UTF-8"},
            },
        }
        if headers:
            message["Headers"] = headers
        try:
            self._ses.send_email(
                FromEmailAddress=self._sender,
                ConfigurationSetName=self._configuration_set,
                Destination={"ToAddresses": [email.to]},
                Content={"Simple": message},
            )
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] < 500:
                raise EmailRefused(error.response["Error"]["Code"]) from error
            raise
        return True
