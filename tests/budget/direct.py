"""What requests take of the application itself, called in this process as a server calls it."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import sqlalchemy as sa

from app.context import Ports
from app.db.database import Database
from tests.budget.baseline import Counts
from tests.budget.counting import Statements, counts_of, statements_of
from tests.budget.requests import Requests
from tests.budget.scene import Direct, environment_of, installation, token_of


def count(folder: Path) -> tuple[Counts, Counts]:
    """By row, what is counted; and the statements alone, with one more planted wherever rows are read."""
    statements = Statements()
    with statements.watched(), installation(environment_of(folder)) as ports:
        requests = Requests(send=Direct(ports, token_of(ports)).send)
        requests.prepare()
        counts = {name: counts_of(request, statements) for name, request in requests.rows().items()}
        with _one_more(ports):
            planted = {name: statements_of(request, statements) for name, request in requests.rows().items()}
    return counts, planted


@contextmanager
def _one_more(ports: Ports) -> Iterator[None]:
    one = sa.select(sa.literal(1))
    real = Database.prepared_rows

    def rows(
        database: Database, statement: sa.Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[sa.Row[Any]]:
        real(database, one)
        return real(database, statement, parameters)

    with mock.patch.object(Database, "prepared_rows", rows):
        yield
