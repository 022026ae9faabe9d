"""The history of tags: a row for each change of what a tag points at, written with the change and kept for a while."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, cast

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.artifacts.models import TagRecord
from app.context import Context
from app.db.conflict import full_insert
from app.db.plans import run

KEPT: Final = 100
"""The changes of one tag that are kept, its newest; those made within a day of the last trim may be more."""
AGE: Final = timedelta(days=90)
"""Older changes are forgotten, except what an existing tag points at."""
_RECENT: Final = timedelta(hours=26)
_AT_ONCE: Final = 500


class TagAction(StrEnum):
    """The change of a tag."""

    PUSHED = "pushed"
    TAGGED = "tagged"
    RESTORED = "restored"
    DELETED = "deleted"


def note_tags(ctx: Context, repository_id: int, action: TagAction, digests: Mapping[str, str]) -> None:
    """Write a row for each tag, with the digest that it points at, or pointed at when it was deleted.

    One statement, whatever the number of tags, inside the open writing transaction.
    """
    shared = {
        "repository_id": repository_id,
        "action": action,
        "operator": ctx.operator,
        "time": ctx.ports.clock.now(),
    }
    rows: list[dict[str, Any]] = [{"name": name, "digest": digest, **shared} for name, digest in digests.items()]
    with ctx.write() as session:
        if len(rows) == 1:
            run(session, _NEW_ONE, rows[0])
        elif rows:
            session.connection().execute(_NEW, rows)


def mark_restored(session: Session, repository_id: int, name: str) -> None:
    """Call the newest change of the tag a restoration."""
    session.connection().execute(_MARK, {"at_repository": repository_id, "at_name": name})


def forget_tags(session: Session, repository_id: int) -> int:
    """Delete at most 5,000 rows of a repository and return their number."""
    own = {"repository": repository_id, "limit": 10 * _AT_ONCE}
    return len(session.connection().execute(_FORGET, own).all())


def trim(ctx: Context, go_on: Callable[[], bool]) -> None:
    """Forget what is older than AGE, and beyond KEPT for each tag that changed lately, in short transactions."""
    now = ctx.ports.clock.now()
    old = {"before": now - AGE, "limit": _AT_ONCE}
    while go_on() and _run(ctx, _TRIM_OLD, old) == _AT_ONCE:
        pass
    for tag in ctx.rows(_LONG, {"since": now - _RECENT, "kept": KEPT}):
        beyond = {"repository": tag.repository_id, "name": tag.name, "kept": KEPT, "limit": _AT_ONCE}
        while go_on() and _run(ctx, _TRIM_LONG, beyond) == _AT_ONCE:
            pass


def _run(ctx: Context, statement: sa.Executable, parameters: Mapping[str, object]) -> int:
    with ctx.write(durable=False) as session:
        return len(session.connection().execute(statement, parameters).all())


_TABLE: Final = cast("sa.Table", TagRecord.__table__)
_NEWER: Final = sa.alias(_TABLE, "newer")
_COLUMNS: Final = ("repository_id", "name", "digest", "action", "operator", "time")
_NEW: Final = sa.insert(_TABLE)
_NEW_ONE: Final = full_insert(TagRecord, *_COLUMNS)
_LIMIT: Final = sa.bindparam("limit", type_=sa.Integer())
_MARK: Final = (
    sa.update(_TABLE)
    .where(
        _TABLE.c.id
        == sa.select(sa.func.max(_NEWER.c.id))
        .where(
            _NEWER.c.repository_id == sa.bindparam("at_repository"),
            _NEWER.c.name == sa.bindparam("at_name"),
        )
        .scalar_subquery()
    )
    .values(action=TagAction.RESTORED)
)


def _deletion(rows: sa.Select[int]) -> sa.Delete:
    return sa.delete(_TABLE).where(_TABLE.c.id.in_(rows)).returning(_TABLE.c.id)  # type: ignore[return-value]


_FORGET: Final = _deletion(
    sa.select(_NEWER.c.id).where(_NEWER.c.repository_id == sa.bindparam("repository")).limit(_LIMIT)
)
_LATER: Final = sa.alias(_TABLE, "later")
_TRIM_OLD: Final = _deletion(
    sa.select(_NEWER.c.id)
    .where(
        _NEWER.c.time < sa.bindparam("before", type_=_TABLE.c.time.type),
        sa.or_(
            _NEWER.c.action == TagAction.DELETED,
            sa.exists()
            .where(
                _LATER.c.repository_id == _NEWER.c.repository_id,
                _LATER.c.name == _NEWER.c.name,
                _LATER.c.id > _NEWER.c.id,
            )
            .correlate(_NEWER),
        ),
    )
    .order_by(_NEWER.c.time)
    .limit(_LIMIT)
)
_CHANGED: Final = (
    sa.select(_NEWER.c.repository_id, _NEWER.c.name)
    .distinct()
    .where(_NEWER.c.time > sa.bindparam("since", type_=_TABLE.c.time.type))
    .subquery("newer")
)
_LONG: Final = sa.select(_CHANGED.c.repository_id, _CHANGED.c.name).where(
    sa.select(sa.func.count())
    .select_from(_LATER)
    .where(_LATER.c.repository_id == _CHANGED.c.repository_id, _LATER.c.name == _CHANGED.c.name)
    .scalar_subquery()
    > sa.bindparam("kept", type_=sa.Integer())
)
_OWN: Final = (_NEWER.c.repository_id == sa.bindparam("repository"), _NEWER.c.name == sa.bindparam("name"))
_KEPT_IDS: Final = (
    sa.select(_NEWER.c.id).where(*_OWN).order_by(_NEWER.c.id.desc()).limit(sa.bindparam("kept", type_=sa.Integer()))
).subquery("kept_rows")
_TRIM_LONG: Final = _deletion(
    sa.select(_LATER.c.id)
    .where(
        _LATER.c.repository_id == sa.bindparam("repository"),
        _LATER.c.name == sa.bindparam("name"),
        _LATER.c.id < sa.select(sa.func.min(_KEPT_IDS.c.id)).scalar_subquery(),
    )
    .limit(_LIMIT)
)
