"""Firewalls and the origin header: what each choice creates, costs and inspects.

Prices: AWS WAF pricing page, 5 USD a month for each web ACL and 1 USD for each rule or managed rule group.
"""

import json
import re
from pathlib import Path

import pytest

from chalicelib.platform.edge_mark import DIRECT
from infra.build.edge import EDGE
from infra.build.template import read
from infra.deploy import stages

from .template import of_type

ROOT = Path(__file__).parents[2]
PER_ACL, PER_RULE = 5, 1


@pytest.fixture(scope="module")
def edge():
    return read(EDGE / "template.yaml")


@pytest.fixture
def api_acl(template):
    return of_type(template, "AWS::WAFv2::WebACL")["ApiFirewall"]


def rules(acl):
    """Return the rules with the origin header required."""
    return [rule["Fn::If"][1] if "Fn::If" in rule else rule for rule in acl["Rules"]]


def price(acl):
    return PER_ACL + PER_RULE * len(rules(acl))


def test_web_acl_refuses_known_attacks_and_floods(edge):
    (acl,) = of_type(edge, "AWS::WAFv2::WebACL").values()
    assert (acl["Scope"], acl["DefaultAction"]) == ("CLOUDFRONT", {"Allow": {}})
    managed = {
        rule["Statement"]["ManagedRuleGroupStatement"]["Name"]
        for rule in acl["Rules"]
        if rule.get("OverrideAction") == {"None": {}}
    }
    assert managed == {
        "AWSManagedRulesAmazonIpReputationList",
        "AWSManagedRulesKnownBadInputsRuleSet",
        "AWSManagedRulesCommonRuleSet",
    }
    (flood,) = (rule for rule in acl["Rules"] if "RateBasedStatement" in rule["Statement"])
    body = acl["CustomResponseBodies"][flood["Action"]["Block"]["CustomResponse"]["CustomResponseBodyKey"]]
    assert json.loads(body["Content"])["code"] == "too_many_requests"
    assert len({rule["Priority"] for rule in acl["Rules"]}) == len(acl["Rules"])


def test_web_acls_exist_by_choice(template, edge):
    for parameters in (template["Parameters"], edge["Parameters"]):
        assert parameters["Firewall"]["AllowedValues"] == ["none", "edge", "edge+api"]
        assert parameters["Firewall"]["Default"] == "edge"
    for name in ("ApiFirewall", "ApiFirewallAssociation"):
        if name in template["Resources"]:
            assert template["Resources"][name]["Condition"] == "HasApiFirewall"
    assert template["Conditions"]["HasApiFirewall"] == {"Fn::Equals": [{"Ref": "Firewall"}, "edge+api"]}
    not_none = {"Fn::Not": [{"Fn::Equals": [{"Ref": "Firewall"}, "none"]}]}
    assert edge["Resources"]["WebAcl"]["Condition"] == "HasWebAcl"
    assert edge["Conditions"]["HasWebAcl"] == not_none
    assert edge["Outputs"]["EdgeWebAclArn"]["Value"]["Fn::If"][2] == "none"
    # The distribution releases a web ACL before the edge stack deletes it.
    assert not_none in template["Conditions"]["HasEdgeWebAcl"]["Fn::And"]


def test_readme_states_the_price_of_each_choice(edge, api_acl):
    (edge_acl,) = of_type(edge, "AWS::WAFv2::WebACL").values()
    prices = {"none": 0, "edge": price(edge_acl), "edge+api": price(edge_acl) + price(api_acl)}
    stated = dict(
        re.findall(r"^\| `(none|edge|edge\+api)` \|.*\| (\d+) USD \|$", (ROOT / "README.md").read_text(), re.M)
    )
    assert stated == {choice: str(amount) for choice, amount in prices.items()}


def test_api_firewall_blocks_requests_that_bypass_the_distribution(template, api_acl):
    association = of_type(template, "AWS::WAFv2::WebACLAssociation")["ApiFirewallAssociation"]
    assert association["WebACLArn"] == {"Fn::GetAtt": ["ApiFirewall", "Arn"]}
    assert association["ResourceArn"]["Fn::Sub"].endswith("::/restapis/${RestAPI}/stages/${RestAPI.Stage}")
    origin = rules(api_acl)[0]
    assert origin["Action"] == {"Block": {}}
    unmarked, not_direct = (
        each["NotStatement"]["Statement"] for each in origin["Statement"]["AndStatement"]["Statements"]
    )
    marks = [each["ByteMatchStatement"]["SearchString"] for each in unmarked["OrStatement"]["Statements"]]
    assert marks == [{"Ref": "EdgeMark"}, {"Ref": "PreviousEdgeMark"}]
    pattern = re.compile(not_direct["RegexMatchStatement"]["RegexString"])
    assert all(pattern.search(f"/api{path}") and pattern.search(f"/api{path}/x") for path in DIRECT)
    for path in ("/api/products", "/api/healthy", "/api/x/health", "/api/webhooks/stripes"):
        assert not pattern.search(path)


def test_firewalls_ignore_addresses_that_the_caller_wrote(edge, api_acl):
    acls = [*of_type(edge, "AWS::WAFv2::WebACL").values(), api_acl]
    assert "FORWARDED_IP" not in json.dumps(acls)
    for acl in acls:
        (flood,) = (rule for rule in rules(acl) if "RateBasedStatement" in rule["Statement"])
        assert flood["Statement"]["RateBasedStatement"]["AggregateKeyType"] == "IP"


def test_firewalls_do_not_inspect_the_content_of_stripe_events(edge, api_acl):
    for acl in [*of_type(edge, "AWS::WAFv2::WebACL").values(), api_acl]:
        for rule in rules(acl):
            group = rule["Statement"].get("ManagedRuleGroupStatement")
            if group and group["Name"] != "AWSManagedRulesAmazonIpReputationList":
                assert "/api/webhooks/stripe" in json.dumps(group["ScopeDownStatement"]), rule["Name"]


def test_api_requires_the_origin_header_unless_a_stage_says_otherwise(template):
    assert template["Parameters"]["RequireOriginHeader"]["Default"] == "true"
    variables = template["Resources"]["APIHandler"]["Properties"]["Environment"]["Variables"]
    assert variables["REQUIRE_EDGE_MARK"] == {"Ref": "RequireOriginHeader"}
    assert variables["EDGE_MARK_DIGESTS"] == {"Ref": "EdgeMarkDigests"}
    declared = {stage: stages.read(stage).parameters for stage in ("local", "demo", "prod")}
    assert {stage: given.get("RequireOriginHeader", "true") for stage, given in declared.items()} == {
        "local": "false",
        "demo": "true",
        "prod": "true",
    }


def test_edge_calls_the_api_through_the_distribution(template):
    addresses = template["Outputs"]["PublicApiUrl"]["Value"]["Fn::If"][1:]
    assert addresses == [{"Fn::Sub": f"https://${{{host}}}/api"} for host in ("DomainName", "Distribution.DomainName")]
