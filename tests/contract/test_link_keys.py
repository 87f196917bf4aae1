"""The keys of signed links are made once, and a rotation keeps the previous one."""

from datetime import timedelta

import boto3
import pytest

from chalicelib.platform.edge_mark import digest_of, is_marked
from chalicelib.platform.links import LinkInvalid, Links, edge_mark
from chalicelib.platform.parameters import Parameter
from infra.deploy import link_keys

NAME = "/storefront-test/links/keys"


@pytest.fixture
def session(mocked_aws):
    """Of the emulated account, without keys."""
    session = boto3.Session(region_name="eu-central-1")
    session.client("ssm").delete_parameters(Names=[NAME])
    return session


def keys(session):
    parameter = session.client("ssm").get_parameter(Name=NAME, WithDecryption=True)["Parameter"]
    assert parameter["Type"] == "SecureString"
    return parameter["Value"]


def test_keys_are_made_once_and_the_edge_mark_follows_from_them(session):
    parameters = link_keys.ensure(session, "storefront-test")
    mark = edge_mark(keys(session))

    assert link_keys.ensure(session, "storefront-test") == parameters
    assert parameters == {"EdgeMark": mark, "PreviousEdgeMark": mark, "EdgeMarkDigests": digest_of(mark)}


def test_mark_of_the_previous_key_is_accepted_after_a_rotation(session):
    deployed = link_keys.ensure(session, "storefront-test")
    before = deployed["EdgeMark"]
    link_keys.rotate(session, "storefront-test", deployed["EdgeMarkDigests"])
    after = link_keys.ensure(session, "storefront-test")

    assert after["EdgeMark"] != before == after["PreviousEdgeMark"]
    for mark in (before, after["EdgeMark"]):
        assert is_marked({"x-edge-mark": mark}, after["EdgeMarkDigests"].split())


def test_rotation_is_refused_until_the_last_one_is_deployed(session):
    """CloudFront would send a mark that the API does not know any more."""
    given = link_keys.ensure(session, "storefront-test")
    link_keys.rotate(session, "storefront-test", given["EdgeMarkDigests"])

    with pytest.raises(link_keys.RotationNotDeployed):
        link_keys.rotate(session, "storefront-test", given["EdgeMarkDigests"])

    assert link_keys.ensure(session, "storefront-test")["PreviousEdgeMark"] == given["EdgeMark"]


def test_rotation_keeps_links_of_the_previous_key_and_drops_older_ones(session, clock):
    link_keys.ensure(session, "storefront-test")
    links = Links(Parameter(lambda: keys(session), clock=lambda: 0.0), clock)
    mailed = links.sign("order", "ord_1", timedelta(days=1))

    for rotation in (1, 2):
        deployed = link_keys.ensure(session, "storefront-test")["EdgeMarkDigests"]
        link_keys.rotate(session, "storefront-test", deployed)
        rotated = Links(Parameter(lambda: keys(session)), clock)
        if rotation == 1:
            assert rotated.subject("order", mailed) == "ord_1"
    with pytest.raises(LinkInvalid):
        rotated.subject("order", mailed)
