"""The sizes of the content of a project and of a repository."""

from app.artifacts.repositories import find_published
from app.artifacts.usage import Sizes, project_sizes, repository_sizes
from app.context import Context
from app.projects.rights import require_in_project


class SizeService:
    """Tells how much the content takes; needs the right to read the project's quota."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def of_project(self, key: str | int) -> Sizes:
        """Return the sizes of a project's content; raise as ``rights.require_in_project`` does."""
        project = require_in_project(self._ctx, key, "quota", "read")
        with self._ctx.read() as session:
            return project_sizes(session, project.id)

    def of_repository(self, project: str, name: str) -> Sizes:
        """Return the sizes of a repository's content; raise RepositoryUnknown, or as ``of_project`` does."""
        require_in_project(self._ctx, project, "quota", "read")
        repository_id = find_published(self._ctx, f"{project}/{name}")
        with self._ctx.read() as session:
            return repository_sizes(session, repository_id)
