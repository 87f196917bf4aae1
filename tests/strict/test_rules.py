"""Strict rules: each has a source and a name of its own, and a test that fails without it."""

from pathlib import Path

from infra.local import strict

TESTS = Path(__file__).parents[1]
ACCOUNTS = "strict/test_accounts_and_buckets.py"
UPDATES = "e2e/test_order_updates.py"
SHOWN_BY = {
    "app-client-secret": f"{ACCOUNTS}::test_token_is_not_refreshed_with_a_wrong_client_secret",
    "callbacks": "strict/test_concurrency.py::test_throttled_step_with_a_task_token_fails_at_once",
    "cognito_limits": f"{ACCOUNTS}::test_sign_up_with_a_text_too_long_is_refused",
    "concurrency": "strict/test_concurrency.py::test_throttled_workflow_step_fails_with_the_error_of_lambda",
    "create_bucket": f"{ACCOUNTS}::test_bucket_with_a_wrong_location_is_refused",
    "http_apis": "e2e/test_http_api.py::test_order_placed_over_the_http_api_is_completed_and_read_over_both",
    "integration_permissions": "strict/test_concurrency.py::test_api_needs_the_permission_for_its_functions_alias",
    "log_queries": "strict/test_queues_and_logs.py::test_query_needs_the_permission_on_each_log_group",
    "mail_sandbox": f"{ACCOUNTS}::test_sandbox_refuses_unverified_addresses_and_more_than_200_emails",
    "missing_object": f"{ACCOUNTS}::test_missing_object_is_named_only_to_who_may_list_the_bucket",
    "policy_size": f"{ACCOUNTS}::test_inline_policies_of_a_role_are_limited_together",
    "pool_sender": f"{ACCOUNTS}::test_pool_needs_a_verified_identity_as_sender",
    "rule_targets": "strict/test_rule_targets.py::test_topic_policy_with_a_condition_refuses_rules",
    "stack_states": "strict/test_stacks.py::test_stack_whose_creation_failed_can_only_be_deleted",
    "stage_cache": "e2e/test_api_cache.py::test_product_is_read_from_the_cache_until_it_is_emptied",
    "stopped_workflows": "strict/test_workflows.py::test_stopped_workflow_runs_no_further_task_of_a_branch",
    "stream_batches": "strict/test_dynamodb.py::test_failed_batch_of_a_stream_is_retried_and_then_kept",
    "task_tokens": "strict/test_workflows.py::test_attempt_of_a_task_has_a_token_of_its_own",
    "trace_headers": "strict/test_trace_headers.py::test_invoked_function_continues_the_trace_of_its_caller",
    "transaction_conflicts": "strict/test_dynamodb.py::test_write_of_an_item_in_a_transaction_is_refused",
    "visibility_timeout": "strict/test_queues_and_logs.py::test_queue_that_shows_its_messages_too_early_is_refused",
    "websocket-subprotocol": f"{UPDATES}::test_connection_from_another_site_or_without_an_order_is_refused",
    "workflow_starts": "strict/test_workflows.py::test_start_of_a_running_execution_with_the_same_input_succeeds",
}


def test_strict_rule_is_registered_once_under_its_module():
    folder = Path(strict.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__", "rule"}

    assert sorted(rule.name.replace("-", "_") for rule in strict.RULES) == sorted(modules)
    assert all(rule.source for rule in strict.RULES)


def test_strict_rule_has_a_test():
    assert {rule.name for rule in strict.RULES} == set(SHOWN_BY)
    for shown_by in SHOWN_BY.values():
        file, _, test = shown_by.partition("::")
        assert f"def {test}(" in (TESTS / file).read_text()
