"""The rows of upload sessions: how many may be open, and how many of those that have ended are kept."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import sqlalchemy as sa
import structlog

from app.context import Context
from app.core.errors import DomainError, TooManyRequests
from app.db.locks import hold_names
from app.db.parts import parts
from app.db.plans import run
from app.projects.quotas import LimitedProject
from app.storage import sessions
from app.storage.models import Blob, Upload
from app.storage.sessions import Entry, UploadSession

_log = structlog.get_logger(__name__)
IDLE: Final = timedelta(minutes=10)
"""A session untouched for this long gives way when its room is needed; a request at work touches it more often."""
ENDED_KEPT: Final = 10_000
"""Of one account, the newest, beside those that were added since it was last looked."""
_LOOKED_EVERY: Final = 1000
"""Rows that a process adds for an account between two looks at how many have ended."""
_FORGOTTEN_AT_ONCE: Final = 5000
_EVICTED: Final = 100
_RETRY_SECONDS: Final = 60


class SessionRows:
    """The rows that the calls of one account add, for one call."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx

    def account(self) -> str:
        """The caller, as its sessions are counted: ``user:7``, ``robot:3``."""
        principal = self._ctx.principal
        return f"{principal.kind}:{principal.id}"

    def entry(self) -> Entry:
        """What a new row of one of the caller's sessions holds."""
        return Entry(account=self.account(), now=self._ctx.ports.clock.now())

    def open(self, upload: UploadSession, project: LimitedProject) -> None:
        """Give the session a row under which it may hold bytes, counted and added in one transaction.

        TooManyRequests when the account or the project has too many open sessions, of which those that nobody goes on
        with give way; RangeInvalid or UploadUnknown when another request gave it a row before.
        """
        settings = self._ctx.ports.settings.uploads
        bound = {
            "account": self.account(),
            "project": project.id,
            "account_most": settings.sessions_per_account,
            "project_most": settings.sessions_per_project,
        }
        full = self._opened(upload, bound)
        if any(full):
            whose = Upload.account == bound["account"] if full[0] else Upload.project_id == project.id
            self.evict(sa.and_(whose, self.untouched(IDLE)))
            full = self._opened(upload, bound)
        if any(full):
            holder = "this account" if full[0] else f"project {project.name}"
            number = bound["account_most" if full[0] else "project_most"]
            raise TooManyRequests(
                f"{holder} has {number} unfinished uploads: finish or cancel some", retry_after=_RETRY_SECONDS
            )
        self.added()

    def untouched(self, span: timedelta) -> sa.ColumnElement[bool]:
        """Of sessions that no request has touched for the span."""
        return Upload.update_time < self._ctx.ports.clock.now() - span

    def evict(self, given_up: sa.ColumnElement[bool]) -> None:
        """End those of the sessions that no request owns, the oldest first, and forget their bytes."""
        now = self._ctx.ports.clock.now()
        idle = (
            sa.select(Upload.id, Upload.key)
            .where(given_up, Upload.digest.is_(None))
            .order_by(Upload.update_time)
            .limit(_EVICTED)
        )
        with self._ctx.write(durable=False) as session:
            gone = [row.key for row in session.execute(idle).all() if sessions.end_idle(session, row.id, now)]
        for key in gone:
            self._ctx.ports.storage.delete(key)

    def added(self) -> None:
        """Note one more row of the account; now and then its oldest ended ones are forgotten, outside a transaction.

        What has been done stays done whatever becomes of that.
        """
        account, counts = self.account(), self._ctx.ports.session_rows
        number = (counts.get(account) or 0) + 1
        counts.put(account, number % _LOOKED_EVERY)
        if number >= _LOOKED_EVERY:
            try:
                self._forget_surplus(account)
            except DomainError as error:
                _log.warning("ended_uploads_not_forgotten", account=account, reason=error.message)

    def _opened(self, upload: UploadSession, bound: Mapping[str, object]) -> tuple[bool, bool]:
        """Add the row unless the account, or the project, has as many open sessions as it may; tells which."""
        with self._ctx.write(durable=False) as session:
            hold_names(session, f"uploads of {self.account()}", uploads_of_project(upload.project_id))
            row = run(session, _OPEN, bound)[0]
            full = (row.of_account >= bound["account_most"], row.of_project >= bound["project_most"])
            if not any(full):
                sessions.insert(session, upload, self.entry())
        return full

    def _forget_surplus(self, account: str) -> None:
        """Forget the ended sessions beyond the newest, their bytes first where a crash may have left some."""
        asked = {"account": account, "kept": ENDED_KEPT, "most": _FORGOTTEN_AT_ONCE}
        surplus = self._ctx.ports.db.rows(_SURPLUS, asked)
        for row in surplus:
            if not row.used:
                self._ctx.ports.storage.delete(row.key)
        for part in parts(row.id for row in surplus):
            with self._ctx.write(durable=False) as session:
                session.connection().execute(_FORGET, {"ids": part})


def uploads_of_project(project_id: int) -> str:
    """The name that is held while the sessions of a project, or their bytes, are counted and added to."""
    return f"uploads of project {project_id}"


def _counted(own: sa.ColumnElement[bool], most: str) -> sa.ScalarSelect[int]:
    """How many open sessions there are of these; counts no further than it has to."""
    limit = sa.bindparam(most, type_=sa.Integer())
    some = sa.select(sa.literal(1).label("one")).where(own, Upload.digest.is_(None)).limit(limit).subquery()
    return sa.select(sa.func.count()).select_from(some).scalar_subquery()


_OPEN: Final = sa.select(
    _counted(Upload.account == sa.bindparam("account"), "account_most").label("of_account"),
    _counted(Upload.project_id == sa.bindparam("project", type_=sa.BigInteger), "project_most").label("of_project"),
)
_ENDED: Final = sa.and_(Upload.digest.is_not(None), Upload.lease_holder.is_(None))
"""And no purge is at it."""
_SURPLUS: Final = (
    sa.select(Upload.id, Upload.key, sa.exists().where(Blob.key == Upload.key).label("used"))
    .where(Upload.account == sa.bindparam("account"), _ENDED)
    .order_by(Upload.update_time.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .offset(sa.bindparam("kept", type_=sa.Integer()))
)
_FORGET: Final = sa.delete(Upload).where(Upload.id.in_(sa.bindparam("ids", expanding=True)), _ENDED)
