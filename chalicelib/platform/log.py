"""One structured logger. It is given ids and outcomes, never addresses, tokens or bodies."""

from aws_lambda_powertools import Logger

log = Logger(service="storefront", log_uncaught_exceptions=False)
