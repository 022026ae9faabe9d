"""Lists of accounts, each in two statements: the count and the page."""

from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from sqlalchemy.orm import Session
from sqlalchemy.sql.elements import ColumnElement

from app.context import Context
from app.core.paging import Listed, OffsetPage
from app.core.query import AnyOf, Condition, Exact, Fuzzy, ListQuery, Term
from app.db.listing import Columns, conditions, contains, counted, ends, order, paged, windowed
from app.identity.models import User
from app.identity.results import Account, Named
from app.identity.rules import email_key

FIRST_ADMINISTRATOR: Final = 1
"""The id of the account created at the first start, which stays an administrator and is left out of lists."""
_COLUMNS: Final[Columns] = {
    "user_id": User.id,
    "username": User.username,
    "email": User.email,
    "realname": User.realname,
    "comment": User.comment,
    "sysadmin_flag": User.sysadmin,
    "creation_time": User.creation_time,
    "update_time": User.update_time,
}
_ADDRESS: Final = sa.func.lower(User.email, type_=sa.String)
"""The address with A to Z in lower case, as ``rules.email_key``; both databases leave other letters unchanged."""
_FILTERS: Final[Columns] = {**_COLUMNS, "email": _ADDRESS}


def page_of_users(ctx: Context, query: ListQuery) -> Listed[Account]:
    """Return the page of accounts that match the query, in the order of their names unless the query sorts.

    The first administrator is left out unless the query filters by ids.
    """
    if not query.terms and not query.sort:
        accounts = [Account(**row._asdict()) for row in ctx.rows(_PAGE, ends(query.page))]
        return Listed(items=accounts, total=ctx.rows(_COUNT, {})[0].total, page=query.page)
    with ctx.read() as session:
        return _filtered(session, query)


def page_of_names(session: Session, text: str, page: OffsetPage) -> Listed[Named]:
    """Return the page of accounts whose name contains ``text``, in any case, in the order of their names."""
    filters = [*_present(), contains(User.username, text)]
    total = counted(session, sa.select(User.id).where(*filters))
    rows = session.execute(paged(_NAMES.where(*filters).order_by(User.username), page))
    return Listed(items=[Named(id=row.id, username=row.username) for row in rows], total=total, page=page)


def account_of(user: User) -> Account:
    """Return the account of a loaded row."""
    return Account(
        id=user.id,
        username=user.username,
        email=user.email,
        realname=user.realname,
        comment=user.comment,
        sysadmin=user.sysadmin,
        disabled=user.disabled,
        version=user.version,
        creation_time=user.creation_time,
        update_time=user.update_time,
    )


def _filtered(session: Session, query: ListQuery) -> Listed[Account]:
    filters = [*_present(named=bool(query.values("user_id"))), *conditions(_folded(query), _FILTERS), *_either(query)]
    total = counted(session, sa.select(User.id).where(*filters))
    ordered = order(query.sort, _COLUMNS, (User.username,), User.id)
    rows = session.execute(paged(_ROWS.where(*filters).order_by(*ordered), query.page))
    return Listed(items=[Account(**row._asdict()) for row in rows], total=total, page=query.page)


def _folded(query: ListQuery) -> ListQuery:
    """Return the query with e-mail addresses in the form in which they are compared."""
    return replace(query, terms=tuple(_folded_term(term) for term in query.terms))


def _folded_term(term: Term) -> Term:
    match term:
        case Term(key="email", condition=Exact(value=value)):
            return Term(key="email", condition=Exact(value=email_key(str(value))))
        case Term(key="email", condition=AnyOf(values=values)):
            return Term(key="email", condition=AnyOf(values=tuple(email_key(str(value)) for value in values)))
        case _:
            return term


def _present(*, named: bool = False) -> list[ColumnElement[bool]]:
    return [User.deleted.is_(sa.false()), *([] if named else [User.id != FIRST_ADMINISTRATOR])]


def _either(query: ListQuery) -> list[ColumnElement[bool]]:
    """Return the conditions of the key ``username_or_email``, which is no column."""
    return [_name_or_email(condition) for condition in query.values("username_or_email")]


def _name_or_email(condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Exact(value=value):
            return sa.or_(User.username == str(value), _ADDRESS.in_([email_key(str(value))]))
        case Fuzzy(text=text):
            return sa.or_(contains(User.username, text), contains(User.email, text))
        case _:
            return sa.true()


_NAMES = sa.select(User.id, User.username)
_ROWS = sa.select(
    User.id,
    User.username,
    User.email,
    User.realname,
    User.comment,
    User.sysadmin,
    User.disabled,
    User.version,
    User.creation_time,
    User.update_time,
)
_COUNT = sa.select(sa.func.count().label("total")).select_from(User).where(*_present())
_KEYS = windowed(sa.select(User.id).where(*_present()).order_by(User.username)).subquery("page")
"""A subquery of ids alone, so that the rows of earlier pages are skipped within the index."""
_PAGE = _ROWS.join(_KEYS, _KEYS.c.id == User.id).order_by(User.username)
