"""Connections of 1,000 invocations at once: each with its own they use the server up, through a pool they do not.

On AWS the pool is RDS Proxy. No registry of packages has a pooler, so here a pool in one process stands for it.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from infra.local import postgres

Answer = TypeVar("Answer")
INVOCATIONS = 1000
POOL = 10
COUNT = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"


@pytest.fixture
def most(server):
    """Return the number of connections that the server accepts of others than its administrators."""
    with psycopg.connect(host="127.0.0.1", port=server.port, user=postgres.OWNER, dbname="postgres") as connection:
        return int(connection.execute("SHOW max_connections").fetchone()[0]) - 3


def finished(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run this to its end in a thread of its own: in the main one the browser of other tests keeps a loop running."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def counted(port: int) -> int:
    """Return how many connections others have. Three are reserved for superusers, such as the owner."""
    async with await psycopg.AsyncConnection.connect(
        host="127.0.0.1", port=port, user=postgres.OWNER, dbname="postgres"
    ) as connection:
        return (await (await connection.execute(COUNT)).fetchone())[0]


def test_thousand_invocations_with_their_own_connections_use_the_server_up(server, most):
    place = server.new_place()

    async def invoke() -> "psycopg.AsyncConnection | str":
        try:
            return await psycopg.AsyncConnection.connect(
                host=place.host, port=place.port, user=place.user, dbname=place.name
            )
        except psycopg.OperationalError as error:
            return str(error)

    async def all_at_once() -> tuple[int, list[str]]:
        found = await asyncio.gather(*(invoke() for _ in range(INVOCATIONS)))
        held = await counted(place.port)
        for each in found:
            if not isinstance(each, str):
                await each.close()
        return held, [each for each in found if isinstance(each, str)]

    held, refused = finished(all_at_once())
    print(f"{held} connections held, {len(refused)} of {INVOCATIONS} invocations refused")
    assert held <= most and len(refused) >= INVOCATIONS - most
    assert all("too many clients" in each or "remaining connection slots" in each for each in refused)


def test_thousand_invocations_through_a_pool_share_its_few_connections(server):
    place = server.new_place()
    address = f"postgresql+psycopg://{place.user}@{place.host}:{place.port}/{place.name}"
    engine = create_async_engine(address, pool_size=POOL, max_overflow=0, pool_timeout=60)
    seen: list[int] = []

    async def invoke(number: int) -> int:
        async with engine.connect() as connection:
            if number % 100 == 50:
                seen.append(await counted(place.port))
            return (await connection.execute(text("SELECT count(*) FROM orders"))).scalar_one()

    async def all_at_once() -> list[int]:
        answers = await asyncio.gather(*(invoke(number) for number in range(INVOCATIONS)))
        await engine.dispose()
        return answers

    assert finished(all_at_once()) == [0] * INVOCATIONS
    print(f"{max(seen)} connections at most for {INVOCATIONS} invocations")
    assert 1 < max(seen) <= POOL
