"""Faster emulator: work that the AWS emulator (MiniStack) repeats for each request is done once."""

import asyncio
import gc
import queue
import threading
import time
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

OBJECTS_BEFORE_COLLECTION = 50_000
"""New objects before a collection of the youngest generation; Python's default is 700. Requests leave few cycles."""

LONGEST_DELAY_SECONDS = 5
"""Nobody waits for a message that is delayed for longer."""

IDLE_SECONDS = 5
"""Time between two looks of an idle environment whether it still exists; an invocation wakes it at once."""


def install() -> None:
    _parse_policies_once()
    _name_callers_without_their_policies()
    _serve_with_parser_in_c()
    _deliver_delayed_messages_on_time()
    _check_conditions_once()
    _forget_duplicates_rarely()
    _pass_empty_queues()
    _start_workflows_at_once()
    _run_edge_functions_in_one_process()
    _let_idle_environments_sleep()


def collect_less() -> None:
    """Let the garbage collector run rarely, and never look at what is loaded by now."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(OBJECTS_BEFORE_COLLECTION, 20, 50)


def _parse_policies_once() -> None:
    """Keep parsed policies by their text. The emulator parses all policies of a role twice for each of its calls."""
    from ministack.core import iam_evaluator

    parse = iam_evaluator.parse_policy_document
    parse_text = lru_cache(maxsize=4096)(parse)

    def parsed(document: Any) -> Any:
        return parse_text(document) if isinstance(document, str) else parse(document)

    iam_evaluator.parse_policy_document = parsed


def _name_callers_without_their_policies() -> None:
    """Look up the caller's name only. The emulator collects all policies for it, then collects them again to judge."""
    from ministack.core import iam_evaluator, router
    from ministack.core.responses import _account_from_sts_session, get_account_id

    def caller(headers: Any, query: Any = None) -> str:
        account = get_account_id()
        root = f"arn:aws:iam::{account}:root"
        key = router.extract_access_key_id(headers or {}, query or {})
        if not key:
            return root
        try:
            found = iam_evaluator.resolve_credential(key, _account_from_sts_session(key) or account)
        except Exception:
            return root
        return getattr(found, "principal_arn", "") or root

    iam_evaluator.request_caller_arn = caller


def _serve_with_parser_in_c() -> None:
    """Serve with Uvicorn, httptools and uvloop, which also sends a response's head and body at once.

    The emulator's own server (Hypercorn, with parser and event loop in Python) takes a third of the time of a request.
    """
    import hypercorn.asyncio as hypercorn
    import uvicorn
    import uvloop

    async def serve(application: Any, config: Any) -> None:
        host, _, port = config.bind[0].rpartition(":")
        settings = uvicorn.Config(
            application,
            host=host,
            port=int(port),
            http="httptools",
            ws="websockets-sansio",
            lifespan="on",
            log_level=config.loglevel.lower(),
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=config.keep_alive_timeout,
            timeout_graceful_shutdown=int(config.graceful_timeout),
        )
        await uvicorn.Server(settings).serve()

    asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    hypercorn.serve = serve  # type: ignore[assignment]


def _deliver_delayed_messages_on_time() -> None:
    """Wake the reader of queues when a delayed message becomes visible. The emulator looks for it once a second."""
    from ministack.core.concurrency import esm_wake
    from ministack.services import sqs

    send = sqs._act_send_message

    def sent(data: dict[str, Any], url: str) -> Any:
        result = send(data, url)
        delay = sqs._get_q(url)["messages"][-1]["visible_at"] - time.time()
        if 0 < delay <= LONGEST_DELAY_SECONDS:
            waking = threading.Timer(delay, esm_wake.set)
            waking.daemon = True
            waking.start()
        return result

    sqs._act_send_message = sqs._HANDLERS["SendMessage"] = sent


def _check_conditions_once() -> None:
    """Keep what is wrong with the syntax of a condition. The emulator parses each condition for each write."""
    from ministack.services import dynamodb

    dynamodb._condition_syntax_error = lru_cache(maxsize=4096)(dynamodb._condition_syntax_error)


def _forget_duplicates_rarely() -> None:
    """Look for expired deduplication ids of a FIFO queue once a second. The emulator does for each message."""
    from ministack.services import sqs

    prune, pruned = sqs._prune_dedup, dict[int, float]()

    def prune_at_times(queue: dict[str, Any]) -> None:
        if time.monotonic() - pruned.get(id(queue), 0) > 1:
            pruned[id(queue)] = time.monotonic()
            prune(queue)

    sqs._prune_dedup = prune_at_times


def _pass_empty_queues() -> None:
    """Take nothing from an empty queue. Whenever a message comes, the emulator reads the redrive policy of each queue
    that has a function, and looks up its dead-letter queue."""
    from ministack.services import sqs

    receive = sqs._receive_messages_for_esm

    def received(url: str, most: int) -> Any:
        return receive(url, most) if sqs._get_q(url)["messages"] else []

    sqs._receive_messages_for_esm = received


def _run_edge_functions_in_one_process() -> None:
    """Let one node process run all CloudFront functions, each of which takes a millisecond. The emulator starts one
    for each request at the same time, a dozen for a page, and ends them again."""
    from ministack.core import cloudfront_js, node_pool

    pool: Any = cloudfront_js._pool
    pool.call = node_pool._Worker(pool).call


def _let_idle_environments_sleep() -> None:
    """Let the thread of an idle environment sleep until the next invocation. The emulator wakes each ten times a
    second, and those of 40 environments take a fiftieth of the processor."""
    from ministack.core import lambda_runtime

    class Pending(queue.Queue[Any]):
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            return super().get(block, timeout and max(timeout, IDLE_SECONDS))

    lambda_runtime.queue = SimpleNamespace(Queue=Pending, Empty=queue.Empty, Full=queue.Full)


def _start_workflows_at_once() -> None:
    """Let an execution begin without the 0.15 seconds for which the emulator's thread sleeps first."""
    from ministack.services import stepfunctions

    run, starting = stepfunctions._run_execution, threading.local()

    class Clock:
        """The module `time`, except for the first sleep of an execution."""

        def __getattr__(self, name: str) -> Any:
            return getattr(time, name)

        @staticmethod
        def sleep(seconds: float) -> None:
            if getattr(starting, "now", False):
                starting.now = False
            else:
                time.sleep(seconds)

    def run_at_once(execution: str) -> Any:
        starting.now = True
        return run(execution)

    stepfunctions.time = Clock()
    stepfunctions._run_execution = run_at_once
