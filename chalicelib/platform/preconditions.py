"""Optimistic locking over HTTP: If-Match and If-None-Match (RFC 9110, section 13)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from chalicelib.platform.errors import Malformed, PreconditionFailed

IF_MATCH, IF_NONE_MATCH, ETAG = "If-Match", "If-None-Match", "ETag"
TAGS = re.compile(r'(W/)?"[!#-~]*"(\s*,\s*(W/)?"[!#-~]*")*')


class PreconditionInvalid(Malformed):
    """If-Match takes `*` or quoted entity tags, If-None-Match takes `*` here."""


@dataclass(frozen=True)
class Precondition:
    """Entity tags of which one must be current, `*` for any. `is_new`: there must be none yet."""

    tags: frozenset[str] | None = None
    is_new: bool = False

    def check(self, current: str | None, changed: type[PreconditionFailed], exists: type[PreconditionFailed]) -> None:
        """Compare with the current entity tag, None where there is nothing. Raises `changed` or `exists`."""
        if self.is_new and current is not None:
            raise exists
        if self.tags is not None and (current is None or not self.tags & {current, "*"}):
            raise changed


UNCONDITIONAL = Precondition()


def precondition(headers: Mapping[str, str]) -> Precondition:
    """Read both headers (names in lower case). Raises PreconditionInvalid."""
    match, none_match = headers.get(IF_MATCH.lower()), headers.get(IF_NONE_MATCH.lower())
    if none_match is not None and none_match.strip() != "*":
        raise PreconditionInvalid
    if match is None:
        return Precondition(is_new=none_match is not None)
    if match.strip() != "*" and not TAGS.fullmatch(match.strip()):
        raise PreconditionInvalid
    # CloudFront makes the tag of an answer that it compresses a weak one, so `W/` is passed over: our tags count
    # versions of a record, and mean the same with it.
    return Precondition(frozenset(re.findall(r'"[^"]*"|\*', match)), none_match is not None)
