"""Limits on the rows of upload sessions: how many may be open, and how many ended ones are kept."""

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
"""A session unchanged for this long may be ended when its place is needed; a running request updates it more often."""
ENDED_KEPT: Final = 10_000
"""How many ended sessions of an account are kept, the newest, plus those added since the last check."""
_LOOKED_EVERY: Final = 1000
"""How many rows a process adds for an account before it checks the number of ended ones."""
_FORGOTTEN_AT_ONCE: Final = 5000
_EVICTED: Final = 100
_RETRY_SECONDS: Final = 60


class SessionRows:
    """Adds rows of the caller's upload sessions, and ends or deletes old ones to keep the limits."""

    def __init__(self, ctx: Context) -> None:
        """Serve the call of ``ctx``."""
        self._ctx = ctx

    def account(self) -> str:
        """Return the account whose sessions are counted together: ``user:7``, ``robot:3``."""
        principal = self._ctx.principal
        return f"{principal.kind}:{principal.id}"

    def entry(self) -> Entry:
        """Return the account and the current time for a new row of one of the caller's sessions."""
        return Entry(account=self.account(), now=self._ctx.ports.clock.now())

    def open(self, upload: UploadSession, project: LimitedProject) -> None:
        """Insert the row that a session needs to store bytes; the count and the insert are one transaction.

        End idle sessions when the account or the project has too many open ones. Raise TooManyRequests when it still
        has too many; RangeInvalid or UploadUnknown when another request has inserted the row before.
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
            counted = Upload.account == bound["account"] if full[0] else Upload.project_id == project.id
            self.evict(sa.and_(counted, self.untouched(IDLE)))
            full = self._opened(upload, bound)
        if any(full):
            holder = "this account" if full[0] else f"project {project.name}"
            limit = bound["account_most" if full[0] else "project_most"]
            raise TooManyRequests(
                f"{holder} has {limit} unfinished uploads: finish or cancel some", retry_after=_RETRY_SECONDS
            )
        self.added()

    def untouched(self, span: timedelta) -> sa.ColumnElement[bool]:
        """Return the condition that a session's last change is longer ago than ``span``."""
        return Upload.update_time < self._ctx.ports.clock.now() - span

    def evict(self, condition: sa.ColumnElement[bool]) -> None:
        """End open sessions that meet the condition and that no request owns, oldest first, and delete their bytes."""
        now = self._ctx.ports.clock.now()
        idle = (
            sa.select(Upload.id, Upload.key)
            .where(condition, Upload.digest.is_(None))
            .order_by(Upload.update_time)
            .limit(_EVICTED)
        )
        with self._ctx.write(durable=False) as session:
            keys = [row.key for row in session.execute(idle).all() if sessions.end_idle(session, row.id, now)]
        for key in keys:
            self._ctx.ports.storage.delete(key)

    def added(self) -> None:
        """Count a new row of the account; after every 1000, delete the account's oldest ended rows.

        Must be called outside a transaction. A failure of the deletion is logged, not raised.
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
        """Insert the row unless the account or the project is at its limit; return (account is, project is)."""
        with self._ctx.write(durable=False) as session:
            hold_names(session, f"uploads of {self.account()}", uploads_of_project(upload.project_id))
            row = run(session, _OPEN, bound)[0]
            full = (row.of_account >= bound["account_most"], row.of_project >= bound["project_most"])
            if not any(full):
                sessions.insert(session, upload, self.entry())
        return full

    def _forget_surplus(self, account: str) -> None:
        """Delete the rows of the oldest ended sessions; before, delete bytes that a crash may have left of them."""
        parameters = {"account": account, "kept": ENDED_KEPT, "most": _FORGOTTEN_AT_ONCE}
        surplus = self._ctx.prepared_rows(_SURPLUS, parameters)
        for row in surplus:
            if not row.used:
                self._ctx.ports.storage.delete(row.key)
        for part in parts(row.id for row in surplus):
            with self._ctx.write(durable=False) as session:
                session.connection().execute(_FORGET, {"ids": part})


def uploads_of_project(project_id: int) -> str:
    """Return the name of the lock under which the sessions of a project and their bytes are counted and changed."""
    return f"uploads of project {project_id}"


def _counted(own: sa.ColumnElement[bool], most: str) -> sa.ScalarSelect[int]:
    """Return a subquery that counts the open sessions meeting the condition, up to the parameter named ``most``."""
    limit = sa.bindparam(most, type_=sa.Integer())
    limited = sa.select(sa.literal(1).label("one")).where(own, Upload.digest.is_(None)).limit(limit).subquery()
    return sa.select(sa.func.count()).select_from(limited).scalar_subquery()


_OPEN: Final = sa.select(
    _counted(Upload.account == sa.bindparam("account"), "account_most").label("of_account"),
    _counted(Upload.project_id == sa.bindparam("project", type_=sa.BigInteger), "project_most").label("of_project"),
)
_ENDED: Final = sa.and_(Upload.digest.is_not(None), Upload.lease_holder.is_(None))
"""Ended, and not taken by a purge."""
_SURPLUS: Final = (
    sa.select(Upload.id, Upload.key, sa.exists().where(Blob.key == Upload.key).label("used"))
    .where(Upload.account == sa.bindparam("account"), _ENDED)
    .order_by(Upload.update_time.desc())
    .limit(sa.bindparam("most", type_=sa.Integer()))
    .offset(sa.bindparam("kept", type_=sa.Integer()))
)
_FORGET: Final = sa.delete(Upload).where(Upload.id.in_(sa.bindparam("ids", expanding=True)), _ENDED)
