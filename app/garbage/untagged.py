"""Deleting untagged artifacts in a garbage collection: those without references, older than the time window."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

from app.artifacts.repositories import RepositoryRef
from app.artifacts.untagged import delete_group, delete_stray_tags, repositories_with_untagged
from app.artifacts.untagged_groups import Group, plan_groups, take_in_order
from app.core.errors import DeniedError, FenceLost, PreconditionError
from app.db.database import retried
from app.garbage.contracts import GarbageInput, Untagged, UntaggedStep
from app.garbage.lease import WriteLease
from app.jobs.runs import JobRun


class UntaggedDeletion:
    """Deletes untagged artifacts under the lease, so that the same collection sweeps their blobs."""

    def __init__(self, run: JobRun, job_input: GarbageInput, step: UntaggedStep) -> None:
        self._ctx = run.ctx
        self._run = run
        self._input = job_input
        self._lease = WriteLease(run, job_input, step.lease)
        self._stopped = False
        self._deleted = 0

    def run(self, go_on: Callable[[], bool]) -> Untagged:
        """Delete untagged artifacts, repository by repository, until none is left or ``go_on`` returns False."""
        if self._input.delete_tag:
            self._delete_stray_tags()
        if self._input.delete_untagged:
            self._delete_untagged(go_on)
        return Untagged(manifests=self._deleted, done=not self._stopped)

    def _delete_untagged(self, go_on: Callable[[], bool]) -> None:
        before = self._ctx.ports.clock.now() - timedelta(milliseconds=self._input.window_ms)
        cursor = 0
        while page := repositories_with_untagged(self._ctx, before, cursor):
            for repository in page:
                groups = plan_groups(self._ctx, repository.id, before, partial(self._keep, go_on))
                take_in_order(groups, partial(self._take, go_on, repository))
                if self._stopped:
                    return
            cursor = page[-1].id

    def _keep(self, go_on: Callable[[], bool]) -> None:
        """Renew the lease when due, and send a heartbeat."""
        self._lease.keep()
        go_on()

    def _take(self, go_on: Callable[[], bool], repository: RepositoryRef, group: Group) -> bool:
        self._stopped = self._stopped or not go_on()
        if self._stopped:
            return False
        try:
            return self._delete(repository, group)
        except FenceLost:
            raise
        except (DeniedError, PreconditionError) as error:
            self._run.log(f"an untagged manifest of {repository.name} is spared: {error.message}")
            return False

    @retried()
    def _delete(self, repository: RepositoryRef, group: Group) -> bool:
        """Delete the group in one transaction; return False when one of its artifacts has become referenced."""
        with self._ctx.write() as session:
            self._lease.require_held(session)
            deleted = delete_group(self._ctx, repository, group, self._input.window_ms)
            if deleted is None:
                return False
            self._run.count({"purged_manifests": deleted.manifests, "freed_space": deleted.bytes})
        self._deleted += deleted.manifests
        return True

    def _delete_stray_tags(self) -> None:
        with self._ctx.write() as session:
            self._lease.require_held(session)
            count = delete_stray_tags(session)
        self._run.log(f"{count} tags without a manifest deleted")
