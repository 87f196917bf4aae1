"""What stands before the shop: each path's functions, cache key and headers, and the stack in us-east-1."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from infra.build import edge as edge_package
from infra.deploy import edge as edge_stack

from .template import of_type, referred

ASSOCIATIONS = ("FunctionAssociations", "LambdaFunctionAssociations")
NONE = {"Ref": "AWS::NoValue"}
SETTINGS = {"token_keys": [{"kid": str(n), "n": "x" * 342} for n in range(4)]}
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
ALL_VIEWER_EXCEPT_HOST = "b689b0a8-53d0-40ab-baf2-68738e2966ac"
EDGE_ONLY = ("GuardAdminVersion", "RenderForCrawlersVersion", "EdgeWebAclArn")


def _behaviours(template):
    (distribution,) = of_type(template, "AWS::CloudFront::Distribution").values()
    config = distribution["DistributionConfig"]
    return {"*": config["DefaultCacheBehavior"]} | {each["PathPattern"]: each for each in config["CacheBehaviors"]}


def _chosen(value, conditions):
    """What a `!If` comes to."""
    if isinstance(value, dict) and "Fn::If" in value:
        name, yes, no = value["Fn::If"]
        return _chosen(yes if name in conditions else no, conditions)
    return value


def _functions(behaviour, conditions):
    """Event type → which function runs there, with these conditions being true."""
    found = {}
    for kind in ASSOCIATIONS:
        chosen = _chosen(behaviour.get(kind, NONE), conditions)
        for each in [] if chosen == NONE else chosen:
            assert each["EventType"] not in found, "one function for each event"
            arn = each.get("FunctionARN") or each["LambdaFunctionARN"]
            found[each["EventType"]] = (kind, arn.get("Ref") or arn["Fn::GetAtt"][0])
    return found


def _names(functions):
    return {event: name for event, (_, name) in functions.items()}


PAGES = {"viewer-request": "ViewerRequest", "viewer-response": "ViewerResponse"}


def test_cloudfront_functions_run_without_the_edge_stack(template):
    found = {path: _names(_functions(behaviour, set())) for path, behaviour in _behaviours(template).items()}
    assert found == {
        "*": PAGES,
        "/admin*": {"viewer-request": "ViewerRequest"},
        "/reference/*": {"viewer-request": "ViewerRequest"},
        "/api/products*": {"viewer-request": "ViewerRequest"},
        "/api/categories": {"viewer-request": "ViewerRequest"},
        "/api/*": {},
    }


def test_edge_stack_serves_crawlers_and_guards_the_console(template):
    there = {"GuardsAdmin", "RendersForCrawlers"}
    found = {path: _names(_functions(behaviour, there)) for path, behaviour in _behaviours(template).items()}
    assert found == {
        "*": PAGES | {"origin-request": "RenderForCrawlersVersion"},
        "/admin*": {"viewer-request": "GuardAdminVersion"},
        "/reference/*": {"viewer-request": "ViewerRequest"},
        "/api/products*": {"viewer-request": "ViewerRequest"},
        "/api/categories": {"viewer-request": "ViewerRequest"},
        "/api/*": {},
    }


def test_viewer_events_of_one_path_are_all_of_one_kind(template):
    """CloudFront refuses a CloudFront function beside Lambda@Edge there."""
    for conditions in (set(), {"GuardsAdmin", "RendersForCrawlers"}):
        for path, behaviour in _behaviours(template).items():
            functions = _functions(behaviour, conditions)
            assert len({kind for event, (kind, _) in functions.items() if event.startswith("viewer")}) <= 1, path


def test_edge_stack_is_optional(template):
    defaults = {"GuardAdminVersion": "", "RenderForCrawlersVersion": "", "EdgeWebAclArn": "none"}
    assert {name: template["Parameters"][name]["Default"] for name in EDGE_ONLY} == defaults
    conditions = template["Conditions"]
    for name, parameter in {
        "GuardsAdmin": "GuardAdminVersion",
        "RendersForCrawlers": "RenderForCrawlersVersion",
    }.items():
        assert conditions[name] == {"Fn::Not": [{"Fn::Equals": [{"Ref": parameter}, ""]}]}
    (distribution,) = of_type(template, "AWS::CloudFront::Distribution").values()
    acl = distribution["DistributionConfig"]["WebACLId"]
    assert acl == {"Fn::If": ["HasEdgeWebAcl", {"Ref": "EdgeWebAclArn"}, NONE]}


def test_edge_stack_outputs_the_parameters_of_the_main_stack(edge):
    assert set(edge["Outputs"]) == set(EDGE_ONLY)


def _key(template, behaviour):
    policy = of_type(template, "AWS::CloudFront::CachePolicy")[referred(behaviour["CachePolicyId"])]
    return policy["CachePolicyConfig"]["ParametersInCacheKeyAndForwardedToOrigin"]


@pytest.mark.parametrize("path", ["*", "/admin*"])
def test_page_cache_key_is_its_file_and_the_crawlers_path(template, path):
    key = _key(template, _behaviours(template)[path])
    assert key["HeadersConfig"] == {"HeaderBehavior": "whitelist", "Headers": ["x-crawled-path"]}
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "none"}


def test_cache_key_header_is_the_one_of_both_functions():
    viewer_request = (edge_package.EDGE / "viewer_request.js").read_text()
    crawlers = (edge_package.PACKAGE / "crawlers.py").read_text()
    assert "const CRAWLED_PATH = 'x-crawled-path';" in viewer_request
    assert 'CRAWLED_PATH = "x-crawled-path"' in crawlers


@pytest.mark.parametrize("path", ["/api/products*", "/api/categories"])
def test_catalog_reads_are_cached_without_cookies_or_tokens(template, path):
    behaviour = _behaviours(template)[path]
    key = _key(template, behaviour)
    assert key["HeadersConfig"] == {"HeaderBehavior": "none"}
    assert key["CookiesConfig"] == {"CookieBehavior": "none"}
    assert key["QueryStringsConfig"] == {"QueryStringBehavior": "all"}
    assert "OriginRequestPolicyId" not in behaviour
    assert list(_behaviours(template)).index(path) < list(_behaviours(template)).index("/api/*")


def test_api_calls_pass_unchanged_with_the_variant_in_their_cookies(template):
    behaviour = _behaviours(template)["/api/*"]
    assert behaviour["CachePolicyId"] == CACHING_DISABLED
    assert behaviour["OriginRequestPolicyId"] == ALL_VIEWER_EXCEPT_HOST


def test_error_responses_are_not_cached(template):
    (distribution,) = of_type(template, "AWS::CloudFront::Distribution").values()
    errors = distribution["DistributionConfig"]["CustomErrorResponses"]
    assert {each["ErrorCode"] for each in errors} >= {400, 403, 404, 500, 502, 503, 504}
    assert all(set(each) == {"ErrorCode", "ErrorCachingMinTTL"} and not each["ErrorCachingMinTTL"] for each in errors)


def _policy(template, name):
    """Directive → sources, before what a deployment fills in."""
    config = of_type(template, "AWS::CloudFront::ResponseHeadersPolicy")[name]["ResponseHeadersPolicyConfig"]
    text, names = config["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]["Fn::Sub"]
    return text, names


def _directives(text):
    return {each.split()[0]: each.split()[1:] for each in text.split(";")}


@pytest.mark.parametrize("name", ["PagesHeaders", "ConsoleHeaders"])
def test_page_runs_only_scripts_of_its_own_origin(template, name):
    text, names = _policy(template, name)
    filled = re.sub(r"\$\{(\w+)\}", lambda found: _text(_chosen(names[found[1]], set())), text)
    directives = _directives(filled)
    assert directives["default-src"] == ["'none'"]
    assert directives["script-src"] == directives["style-src"] == ["'self'"]
    assert directives["frame-ancestors"] == directives["base-uri"] == ["'none'"]
    assert directives["form-action"] == ["'self'"]
    assert "unsafe" not in filled and " *" not in filled and "https:;" not in filled


def test_stripes_hosts_are_allowed_only_with_a_card_form(template):
    text, names = _policy(template, "PagesHeaders")
    with_form, without = (
        re.sub(r"\$\{(\w+)\}", lambda found, true=true: _text(_chosen(names[found[1]], true)), text)
        for true in ({"ShowsCardForm"}, set())
    )
    assert "stripe" not in without
    assert _directives(without)["frame-src"] == ["'none'"]
    assert _directives(with_form)["script-src"] == ["'self'", "https://js.stripe.com"]
    assert _directives(with_form)["frame-src"] == ["https://js.stripe.com", "https://hooks.stripe.com"]
    assert "https://api.stripe.com" in _directives(with_form)["connect-src"]
    assert "stripe" not in json.dumps(_policy(template, "ConsoleHeaders"))


def _text(value):
    return value if isinstance(value, str) else value["Fn::Sub"]


def test_console_may_upload_to_the_imports_bucket_and_pages_may_not(template, stage):
    if stage == "local":
        return
    assert "Uploads" not in _policy(template, "PagesHeaders")[1]
    uploads = _policy(template, "ConsoleHeaders")[1]["Uploads"]["Fn::Sub"]
    assert uploads == "https://${ImportsBucket.DomainName} https://${ImportsBucket.RegionalDomainName}"


def test_reference_loads_only_own_files_and_inline_icons(template):
    config = of_type(template, "AWS::CloudFront::ResponseHeadersPolicy")["ReferenceHeaders"]
    policy = config["ResponseHeadersPolicyConfig"]["SecurityHeadersConfig"]["ContentSecurityPolicy"]
    directives = _directives(policy["ContentSecurityPolicy"])
    assert directives.pop("img-src") == ["'self'", "data:"]
    assert {source for sources in directives.values() for source in sources} == {"'self'", "'none'"}
    assert directives["default-src"] == directives["form-action"] == directives["frame-ancestors"] == ["'none'"]


@pytest.mark.parametrize("name", ["PagesHeaders", "ConsoleHeaders", "ReferenceHeaders"])
def test_security_headers_are_strict(template, name):
    config = of_type(template, "AWS::CloudFront::ResponseHeadersPolicy")[name]["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    assert security["StrictTransportSecurity"]["AccessControlMaxAgeSec"] >= 31536000
    assert security["FrameOptions"]["FrameOption"] == "DENY"
    assert {"ContentTypeOptions", "ReferrerPolicy"} < set(security)
    assert {each["Header"] for each in config["CustomHeadersConfig"]["Items"]} >= {
        "Permissions-Policy",
        "Cross-Origin-Opener-Policy",
    }
    overrides = [each["Override"] for each in security.values()]
    assert all(overrides + [each["Override"] for each in config["CustomHeadersConfig"]["Items"]])


def test_paths_all_have_security_headers(template):
    for path, behaviour in _behaviours(template).items():
        assert behaviour["ResponseHeadersPolicyId"], path


# The stack in us-east-1


@pytest.fixture(scope="session")
def packaged_edge(tmp_path_factory):
    """Where it is packaged, and its template."""
    out = tmp_path_factory.mktemp("edge")
    return out, edge_package.package(out, SETTINGS)


@pytest.fixture
def edge(packaged_edge):
    return packaged_edge[1]


def test_cfn_lint_finds_nothing_at_the_edge():
    lint = Path(sys.executable).parent / "cfn-lint"
    template = edge_package.EDGE / "template.yaml"
    run = subprocess.run(
        [str(lint), "--include-checks", "W", "--regions", edge_stack.REGION, "-t", str(template)],
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stdout + run.stderr) == (0, "")


@pytest.mark.parametrize(("name", "seconds", "megabytes"), [("GuardAdmin", 5, 128), ("RenderForCrawlers", 30, 10240)])
def test_edge_function_fits_the_limits_of_lambda_at_edge(edge, name, seconds, megabytes):
    function = of_type(edge, "AWS::Serverless::Function")[name]
    assert function["Timeout"] <= seconds and function["MemorySize"] <= megabytes
    assert function["Architectures"] == ["x86_64"], "Restrictions on Lambda@Edge (CloudFront developer guide): no arm64"
    refused = {"Environment", "Layers", "VpcConfig", "Tracing", "DeadLetterQueue", "ReservedConcurrentExecutions"}
    assert not refused & set(function) and "Globals" not in edge
    assert edge["Outputs"][f"{name}Version"]["Value"] == {"Ref": f"{name}.Version"}
    assert function["AutoPublishAlias"], "CloudFront takes a numbered version only"


def test_edge_function_package_is_small_and_without_libraries(packaged_edge):
    out, _ = packaged_edge
    assert (out / edge_package.CODE).stat().st_size < 1024 * 1024 / 10
    with zipfile.ZipFile(out / edge_package.CODE) as package:
        assert all(name.startswith("storefront_edge/") for name in package.namelist())
        code = {name: package.read(name).decode() for name in package.namelist() if name.endswith(".py")}
        assert json.loads(package.read("storefront_edge/settings.json")) == SETTINGS | {
            "shop": edge_package.baked_shop()
        }
    assert {"storefront_edge/guard.py", "storefront_edge/crawlers.py"} < set(code)
    imported = set(re.findall(r"^(?:from|import) (\w+)", "\n".join(code.values()), re.MULTILINE))
    assert imported <= set(sys.stdlib_module_names), imported
    assert "os" not in imported, "there is no environment to read"


def test_repeated_package_has_the_same_version(packaged_edge, tmp_path):
    out, _ = packaged_edge
    edge_package.package(tmp_path, SETTINGS)
    assert (tmp_path / edge_package.CODE).read_bytes() == (out / edge_package.CODE).read_bytes()


def test_edge_functions_may_write_logs_and_nothing_else(edge):
    role = of_type(edge, "AWS::IAM::Role")["EdgeRole"]
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert set(trust["Principal"]["Service"]) == {"lambda.amazonaws.com", "edgelambda.amazonaws.com"}
    (statement,) = (each for policy in role["Policies"] for each in policy["PolicyDocument"]["Statement"])
    assert all(action.startswith("logs:") and "*" not in action for action in statement["Action"])
    assert all("${AWS::StackName}-" in resource["Fn::Sub"] for resource in statement["Resource"])


def test_addresses_of_the_storefront_follow_its_domain(template):
    """Links in emails, the API's check of origins and crawlers' pages would otherwise name CloudFront's own host."""

    def addresses(value, is_guarded=False):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from addresses(inner, is_guarded or (key == "Fn::If" and inner[0] == "HasDomain"))
        elif isinstance(value, list):
            for inner in value:
                yield from addresses(inner, is_guarded)
        elif isinstance(value, str) and "https://${Distribution.DomainName}" in value:
            yield is_guarded

    found = [address for part in ("Resources", "Outputs") for address in addresses(template[part])]
    assert len(found) >= 7 and all(found)


def test_own_domain_is_served_with_its_certificate_and_tls_1_2(template):
    config = template["Resources"]["Distribution"]["Properties"]["DistributionConfig"]
    condition, certificate, default = config["ViewerCertificate"]["Fn::If"]
    assert (condition, default) == ("HasDomain", {"Ref": "AWS::NoValue"})
    assert certificate["AcmCertificateArn"]["Fn::Sub"].endswith("${AWS::AccountId}:certificate/${CertificateId}")
    assert certificate["MinimumProtocolVersion"] == "TLSv1.2_2021"
    assert config["Aliases"]["Fn::If"][:2] == ["HasDomain", [{"Ref": "DomainName"}]]
