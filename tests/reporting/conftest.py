import pytest

from chalicelib.platform import retries
from tests.postgres import new_database, postgres_server, server

__all__ = ["new_database", "postgres_server", "server"]


@pytest.fixture(autouse=True)
def no_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry without pauses."""
    monkeypatch.setattr(retries, "sleep", lambda seconds: None)
