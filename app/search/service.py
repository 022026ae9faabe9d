"""Search everything that the caller sees by name, and artifacts by digest or tag."""

from typing import Final

from app.artifacts.matching import find_artifacts, find_charts, find_repositories
from app.context import Context
from app.projects.matching import find_named
from app.search.results import Found

MOST_PROJECTS: Final = 25
MOST_REPOSITORIES: Final = 100
MOST_ARTIFACTS: Final = 25
"""The most items of each kind in an answer."""


class SearchService:
    """Searches in the name of the context's principal, anonymous ones included, who see public projects."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx

    def find(self, text: str, *, extended: bool) -> Found:
        """Return the best matches of the text, whatever its case, at most MOST_… of each kind.

        Best are equal names, then names that begin with the text, then others that hold it; a repository's name counts
        with its project and without. Charts and artifacts are searched only if ``extended``.
        """
        repositories = find_repositories(self._ctx, text, MOST_REPOSITORIES)
        return Found(
            project=find_named(self._ctx, text, MOST_PROJECTS),
            repository=repositories,
            chart=find_charts(self._ctx, repositories) if extended else (),
            artifact=find_artifacts(self._ctx, text, MOST_ARTIFACTS) if extended else (),
        )
