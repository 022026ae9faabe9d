"""The names of repositories that were deleted and still have content, which a job deletes."""

from typing import Final

import sqlalchemy as sa

from app.artifacts.models import Repository

_PREFIX: Final = ".deleted/"
"""No repository's name may begin so."""
_AFTER: Final = ".deleted0"
"""The first text after all that begin with the prefix."""
IS_HIDDEN: Final = sa.and_(Repository.name >= _PREFIX, Repository.name < _AFTER)


def hidden_name(repository_id: int) -> str:
    """Return the name of the repository once it is hidden."""
    return f"{_PREFIX}{repository_id}"
