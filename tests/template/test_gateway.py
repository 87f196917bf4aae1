"""What stands before the API: who is let through to which route, how much of it, and how a refusal is worded."""

import json

import pytest
from jsonschema import Draft4Validator

from chalicelib.accounts.model import PASSWORD_MINIMUM
from chalicelib.accounts.sessions import SESSION_DAYS
from chalicelib.platform.http import OPERATIONS
from chalicelib.platform.problems import Problem
from infra.build import gateway

from .template import FUNCTION, allowed, of_type, role_of

ADDRESS = {"name": "Ida", "line1": "Havnegata 1", "line2": None, "city": "Oslo", "postal_code": "0150", "country": "NO"}
ACCOUNT = {"email": "ida@example.com", "password": "a-long-story-1"}
HONEST = {
    "AddressChange": {"address": ADDRESS | {"phone": None}, "is_default": True},
    "AccountAddress": {"email": "ida@example.com"},
    "CheckoutRequest": {"shipping_address": ADDRESS, "payment_method": "pm_card_visa", "email": None},
    "Confirmation": {"email": "ida@example.com", "code": "123456"},
    "NewAccount": ACCOUNT,
    "NewImport": {"format": "csv"},
    "ClaimRequest": {"order_ids": ["ord_" + "0" * 24]},
    "BuyerSearch": {"email": "ida@example.com"},
    "OrderCancellation": {"cause": "SHOP_REQUEST", "why": "Called by phone"},
    "OrderNote": {"text": "Wants a gift wrap."},
    "ResendRequest": {"occasion": "completed", "why": "The first one did not arrive."},
    "OrderRefund": {"why": "Scratched", "lines": [{"sku": "CAMP-KETTLE-01", "quantity": 1}]},
    "EmailPreferences": {"cart_reminders": True},
    "OrderSearch": {"order_id": "ord_1", "email": "ida@example.com"},
    "PasswordChange": {"current_password": "a-long-story-1", "new_password": "a-long-story-2"},
    "AccountDeletionRequest": {"password": "a-long-story-1"},
    "PasswordReset": {"email": "ida@example.com", "code": "123456", "new_password": "a-long-story-1"},
    "ProductChange": {"price": {"amount": 1, "currency": "EUR"}, "archived": False},
    "ProductWrite": {
        "name": "Kettle", "description": "", "price": {"amount": 1, "currency": "EUR"}, "category": "camp",
        "image": "/x.svg", "more": [1],
    },
    "QuantityChange": {"quantity": 1},
    "ReplayRequest": {"from": "2026-11-24T09:00:00Z", "to": "2026-11-24T10:00:00Z"},
    "SignIn": ACCOUNT | {"new_password": None},
    "StepTaken": {"step": "visit", "variant": None},
    "StockChange": {"delta": -1},
    "StockLevel": {"on_hand": 0},
    "StockSplit": {"shards": 16},
    "StripeEvent": {"id": "evt_1", "type": "charge.refunded", "data": {"object": {"id": "ch_1"}}, "livemode": False},
}  # fmt: skip
"""One body for each model, with what may be absent or null, and with what is not asked for."""

MISSHAPEN = {
    "QuantityChange": [{}, {"quantity": "1"}, {"quantity": 1.5}, {"quantity": True}, {"quantity": None}, [], "x", None],
    "CheckoutRequest": [{}, {"shipping_address": "here", "payment_method": "pm_1"}, {"payment_method": "pm_1"}],
    "NewImport": [{"format": 1}],
    "ReplayRequest": [{"from": "a", "to": 1}],
}


@pytest.fixture
def api(template):
    return of_type(template, "AWS::Serverless::Api")["RestAPI"]


@pytest.fixture
def definition(api):
    return api["DefinitionBody"]


@pytest.fixture
def answers(definition):
    """Of the gateway itself."""
    return definition["x-amazon-apigateway-gateway-responses"]


def operation_of(definition, operation):
    return definition["paths"][operation.path][operation.method.lower()]


def by_access(*access):
    found = [operation for operation in OPERATIONS if operation.access in access]
    assert found
    return found


def test_request_without_an_account_ends_at_the_gateway_on_account_routes(definition):
    for operation in by_access("customer", "admin"):
        assert operation_of(definition, operation)["security"] == [{gateway.AUTHORIZER: []}], operation.path


def test_guests_are_let_through_everywhere_else(definition):
    for operation in by_access("public"):
        assert "security" not in operation_of(definition, operation), operation.path


def test_partners_need_a_key(definition):
    for operation in by_access("partner"):
        assert operation.path.startswith("/partner/")
        assert operation_of(definition, operation)["security"] == [{"api_key": []}], operation.path
    assert definition["securityDefinitions"]["api_key"] == {"type": "apiKey", "name": "x-api-key", "in": "header"}


def test_authorizer_asks_the_user_pool_and_caches_its_answer(definition):
    authorizer = definition["securityDefinitions"][gateway.AUTHORIZER]
    assert authorizer["x-amazon-apigateway-authorizer"] == {
        "type": "cognito_user_pools",
        "providerARNs": [{"Fn::GetAtt": ["UserPool", "Arn"]}],
        "authorizerResultTtlInSeconds": 300,
    }


def test_required_body_is_validated_and_an_optional_one_is_not(definition):
    for operation in OPERATIONS:
        written = operation_of(definition, operation)
        bodies = [each["schema"] for each in written.get("parameters", []) if each["in"] == "body"]
        if operation.body and operation.body_required:
            assert bodies == [{"$ref": f"#/definitions/{operation.body.__name__}"}], operation.path
            assert written["x-amazon-apigateway-request-validator"] == gateway.VALIDATOR
            assert written["consumes"] == ["application/json"]
        else:
            assert not bodies and "x-amazon-apigateway-request-validator" not in written, operation.path
    assert definition["x-amazon-apigateway-request-validators"][gateway.VALIDATOR]["validateRequestBody"] is True


def test_parameters_of_a_path_are_declared(definition):
    for path, methods in definition["paths"].items():
        for method, operation in methods.items():
            named = [p["name"] for p in operation.get("parameters", []) if p["in"] == "path"]
            assert all(f"{{{name}}}" in path for name in named) and len(named) == path.count("{"), (method, path)


def _validator(definition, name):
    models = {name: model for name, model in definition["definitions"].items() if name != "Empty"}
    return Draft4Validator({**models[name], "definitions": models})


def test_gateway_accepts_each_documented_body(definition):
    validated = {operation.body.__name__ for operation in OPERATIONS if operation.body and operation.body_required}
    assert validated == set(HONEST)
    for operation in OPERATIONS:
        if operation.body and operation.body_required:
            honest = HONEST[operation.body.__name__]
            operation.body.model_validate(honest)
            assert _validator(definition, operation.body.__name__).is_valid(honest), operation.path


@pytest.mark.parametrize("name", MISSHAPEN)
def test_body_of_another_shape_is_refused_by_the_gateway(definition, name):
    validator = _validator(definition, name)
    assert [body for body in MISSHAPEN[name] if validator.is_valid(body)] == []


def test_models_use_only_keywords_of_the_gateway(definition):
    def words(schema):
        yield from schema
        for each in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
            yield from words(each)

    for name, schema in definition["definitions"].items():
        assert name.isalnum()
        if name != "Empty":
            Draft4Validator.check_schema(schema)
            assert set(words(schema)) <= {*gateway.KEPT, "properties", "items", "$ref"}, name


def test_gateway_responses_are_problems_with_cors_headers(answers):
    assert set(answers) >= {
        "DEFAULT_4XX",
        "DEFAULT_5XX",
        "THROTTLED",
        "UNAUTHORIZED",
        "BAD_REQUEST_BODY",
        "WAF_FILTERED",
    }
    for kind, answer in answers.items():
        problem = Problem.model_validate_json(answer["responseTemplates"]["application/json"])
        assert problem.status == answer["statusCode"], kind
        assert problem.title and problem.detail and problem.code
        headers = {k.rpartition(".")[2]: value.strip("'") for k, value in answer["responseParameters"].items()}
        assert headers["Content-Type"] == "application/problem+json"
        assert (headers["Access-Control-Allow-Origin"], headers["Cache-Control"]) == ("*", "no-store")
        assert ("Retry-After" in headers) == (kind in ("THROTTLED", "DEFAULT_5XX"))


def test_gateway_responses_repeat_nothing_of_a_request(answers):
    """The reason of a refused body names fields and types of the model, because it checks nothing else (`KEPT`)."""
    refused = answers.pop("BAD_REQUEST_BODY")["responseTemplates"]["application/json"]
    assert json.loads(refused)["errors"] == [{"field": "body", "message": "$context.error.validationErrorString"}]
    assert refused.count("$context") == 1 and "$context" not in json.dumps(answers)
    assert gateway.KEPT == ("type", "required")


def _limits(api):
    paths = {
        (s["ResourcePath"].replace("~1", "/").replace("//", "/"), s["HttpMethod"]): s for s in api["MethodSettings"]
    }
    return {key: (each["ThrottlingRateLimit"], each["ThrottlingBurstLimit"]) for key, each in paths.items()}


def test_limits_are_of_routes_that_exist(api):
    routes = {(operation.path, operation.method) for operation in OPERATIONS}
    assert set(_limits(api)) - {("/*", "*")} <= routes
    assert len(_limits(api)) == len(api["MethodSettings"])


def test_slashes_are_written_as_aws_wants_them(api):
    paths = [setting["ResourcePath"] for setting in api["MethodSettings"] if setting["ResourcePath"] != "/*"]
    assert paths and all(path.startswith("/~1") and path.count("/") == 1 for path in paths)


def test_reading_the_catalog_is_freer_and_what_costs_more_is_tighter_than_the_rest(api):
    limits = _limits(api)
    usual = limits["/*", "*"]
    assert limits["/products", "GET"] > usual < limits["/products/{sku}", "GET"]
    tight = [o for o in OPERATIONS if o.method == "POST" and o.path.startswith(("/session", "/accounts"))]
    for operation in [*tight, next(o for o in OPERATIONS if o.name == "place_order")]:
        assert limits[operation.path, operation.method][0] < usual[0], operation.path


def test_partners_have_a_plan_and_no_key_stands_in_the_template(template):
    (plan,) = of_type(template, "AWS::ApiGateway::UsagePlan").values()
    assert plan["Throttle"]["RateLimit"] and plan["Quota"]["Limit"]
    assert plan["ApiStages"][0]["ApiId"] == {"Ref": "RestAPI"}
    assert not of_type(template, "AWS::ApiGateway::ApiKey")


def test_edge_caches_only_responses_equal_for_each_caller(template):
    (distribution,) = of_type(template, "AWS::CloudFront::Distribution").values()
    behaviours = distribution["DistributionConfig"]["CacheBehaviors"]
    shared = [each["PathPattern"] for each in behaviours if each["CachePolicyId"] == {"Ref": "CatalogCache"}]
    assert shared == ["/api/products*", "/api/categories"]
    assert [each["PathPattern"] for each in behaviours].index("/api/*") > 1
    key = of_type(template, "AWS::CloudFront::CachePolicy")["CatalogCache"]["CachePolicyConfig"][
        "ParametersInCacheKeyAndForwardedToOrigin"
    ]
    assert key["HeadersConfig"]["HeaderBehavior"] == key["CookiesConfig"]["CookieBehavior"] == "none"
    reads = [o for o in OPERATIONS if o.path.startswith(("/products", "/categories"))]
    assert reads and all(o.method == "GET" and o.access == "public" and not o.headers for o in reads)


def test_passwords_and_sessions_are_the_pools_as_they_are_ours(template):
    pool = of_type(template, "AWS::Cognito::UserPool")["UserPool"]
    client = of_type(template, "AWS::Cognito::UserPoolClient")["UserPoolClient"]
    assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == PASSWORD_MINIMUM
    assert client["RefreshTokenValidity"] == SESSION_DAYS
    assert client["TokenValidityUnits"]["RefreshToken"] == "days"


def test_refresh_token_is_rotated_and_accounts_are_not_revealed(template):
    client = of_type(template, "AWS::Cognito::UserPoolClient")["UserPoolClient"]
    assert client["RefreshTokenRotation"]["Feature"] == "ENABLED"
    assert client["ExplicitAuthFlows"] == ["ALLOW_USER_PASSWORD_AUTH"]
    assert client["PreventUserExistenceErrors"] == "ENABLED" and client["EnableTokenRevocation"] is True
    assert client["TokenValidityUnits"]["IdToken"] == "minutes" and client["IdTokenValidity"] <= 15


def test_user_pool_client_is_described_by_the_api_only(template):
    """The pool's public calls need the secret instead of a permission."""
    client = of_type(template, "AWS::Cognito::UserPoolClient")["UserPoolClient"]
    assert client["GenerateSecret"] is True
    for name in of_type(template, FUNCTION):
        actions = allowed(template, role_of(template, name))
        ours = {action: resources for action, resources in actions.items() if action.startswith("cognito")}
        read = {"cognito-idp:DescribeUserPoolClient": [{"Fn::GetAtt": ["UserPool", "Arn"]}]}
        assert ours == (read if name == "APIHandler" else {})
    assert "ClientSecret" not in json.dumps(template)


def test_path_has_all_methods_so_that_a_wrong_one_is_a_405(definition):
    """The gateway calls a path with an undeclared method unknown. OPTIONS stays undeclared: no preflight succeeds."""
    for path, methods in definition["paths"].items():
        assert set(methods) == {method.lower() for method in gateway.METHODS}, path
        for method in methods.values():
            assert method["x-amazon-apigateway-integration"]["type"] == "aws_proxy"


def test_head_needs_what_get_needs(definition):
    for operation in OPERATIONS:
        if operation.method == "GET":
            methods = definition["paths"][operation.path]
            assert methods["head"].get("security") == methods["get"].get("security"), operation.path


def test_gateway_says_how_to_authenticate(answers):
    unauthorized = {kind: answer for kind, answer in answers.items() if answer["statusCode"] == 401}
    assert "UNAUTHORIZED" in unauthorized
    for answer in unauthorized.values():
        challenge = answer["responseParameters"]["gatewayresponse.header.WWW-Authenticate"]
        assert challenge == "'Bearer realm=\"storefront\"'"


def test_template_stays_below_the_limit_of_cloudformation(template):
    """1 MB, from a bucket (https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html)."""
    assert len(json.dumps(template)) < 900_000
