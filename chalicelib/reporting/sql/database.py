"""Connection to PostgreSQL: one per environment of a function, signed in with a token of IAM.

A function's environment handles one invocation at a time, so its pool has one connection. What shares few server
connections among all environments is a pooler between them: on AWS, RDS Proxy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, create_engine, event
from sqlalchemy.exc import DBAPIError

from chalicelib.platform.errors import Unavailable
from chalicelib.platform.log import log
from chalicelib.platform.retries import backoff

SECONDS_OF_LIFE = 600
"""After which a connection is replaced: below the 30 minutes after which RDS Proxy closes an idle one by default
(API reference, `CreateDBProxy`, IdleClientTimeout). One that broke earlier fails its first statement: it is retried."""
CONNECT_SECONDS = 5
ATTEMPTS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 1.0
RETRIED = {
    "40001": "serialization failure",
    "40P01": "deadlock",
    "53300": "too many connections",
    "57P01": "the server shuts down",
    "57P02": "the server crashed",
    "57P03": "the server starts",
}
"""By SQLSTATE: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes"."""

Result = TypeVar("Result")


class DatabaseUnavailable(Unavailable):
    """The database did not accept the connection or the transaction, in several attempts."""


@dataclass(frozen=True)
class Place:
    """Where the database is. `ssl_mode` and `ssl_roots`, a file of certificates, are libpq's."""

    host: str
    port: int
    name: str
    user: str
    ssl_mode: str
    ssl_roots: str


class Database:
    """Transactions on one database. `sign` returns the password of a new connection; a token is valid for 15 minutes
    and needed for no longer than signing in takes."""

    def __init__(self, place: Place, sign: Callable[[], str]) -> None:
        self._engine = create_engine(
            URL.create("postgresql+psycopg", place.user, None, place.host, place.port, place.name),
            pool_size=1,
            max_overflow=0,
            pool_recycle=SECONDS_OF_LIFE,
            use_native_hstore=False,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "sslmode": place.ssl_mode,
                "sslrootcert": place.ssl_roots,
                # A prepared statement would pin the client to one of the proxy's connections: Aurora user guide,
                # "Avoiding pinning an RDS Proxy".
                "prepare_threshold": None,
            },
        )

        @event.listens_for(self._engine, "do_connect")
        def sign_in(dialect: Any, record: Any, arguments: Any, parameters: dict[str, Any]) -> None:
            parameters["password"] = sign()

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Return what `work` returns, in one transaction. Retry it when the connection is lost or the server refuses
        it for the sake of others: `work` may run, and even commit, several times. Raises DatabaseUnavailable."""
        for attempt in backoff(ATTEMPTS, FIRST_PAUSE, LONGEST_PAUSE):
            try:
                with self._engine.begin() as connection:
                    return work(connection)
            except DBAPIError as error:
                if not _is_passing(error):
                    raise
                log.warning("transaction failed", extra={"attempt": attempt, "sql_state": _state(error)})
                last = error
        raise DatabaseUnavailable(_state(last)) from last

    def close(self) -> None:
        self._engine.dispose()


def _is_passing(error: DBAPIError) -> bool:
    """Whether another attempt can succeed. An error without a state is the client's: the connection broke."""
    state = _state(error)
    is_lost = error.connection_invalidated or (not state and type(error.orig).__name__ == "OperationalError")
    return is_lost or state in RETRIED or state.startswith("08")


def _state(error: DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""
