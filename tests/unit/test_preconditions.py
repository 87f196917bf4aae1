"""If-Match and If-None-Match, as a client sends them."""

import pytest

from chalicelib.platform.errors import PreconditionFailed
from chalicelib.platform.preconditions import Precondition, PreconditionInvalid, precondition


class Changed(PreconditionFailed):
    pass


class Exists(PreconditionFailed):
    pass


def outcome(headers, current):
    try:
        precondition(headers).check(current, Changed, Exists)
    except PreconditionFailed as refusal:
        return type(refusal)
    return None


@pytest.mark.parametrize(
    ("headers", "current", "expected"),
    [
        ({}, None, None),
        ({}, '"1"', None),
        ({"if-match": '"1"'}, '"1"', None),
        ({"if-match": '"7", "1"'}, '"1"', None),
        ({"if-match": "*"}, '"1"', None),
        ({"if-match": "*"}, None, Changed),
        ({"if-match": '"1"'}, None, Changed),
        ({"if-match": '"1"'}, '"2"', Changed),
        ({"if-match": 'W/"1"'}, '"1"', None),
        ({"if-none-match": "*"}, None, None),
        ({"if-none-match": " * "}, '"1"', Exists),
    ],
)
def test_precondition_is_checked_against_the_current_tag(headers, current, expected):
    assert outcome(headers, current) is expected


@pytest.mark.parametrize("header", ["", "1", '"1', '"1" "2"', '"1", *', "é"])
def test_invalid_list_of_tags_in_if_match_is_refused(header):
    with pytest.raises(PreconditionInvalid):
        precondition({"if-match": header})


def test_if_none_match_header_accepts_a_star_only():
    with pytest.raises(PreconditionInvalid):
        precondition({"if-none-match": '"1"'})
    assert precondition({}) == Precondition()
