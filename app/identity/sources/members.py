"""The identity sources of one process, made from the installation's list and checked when the process starts."""

import re
from collections.abc import Callable, Mapping
from typing import Final

import structlog

from app.access.principals import Principal, PrincipalKind
from app.context import Ports
from app.core.errors import InternalError
from app.identity.sources import outside
from app.identity.sources.outside import BoundedSource
from app.identity.sources.source import Keeper, OutsideSource, StoredLogin

_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_log = structlog.get_logger()
_WHO_LOGS_IN: Final = (PrincipalKind.ROBOT, PrincipalKind.USER)


class Sources:
    """The members of ``Ports.sources`` in their order.

    Raises:
        InternalError: a member is incomplete, or has another name than its row; a kind of principal has no keeper, or
            two. The process does not start.

    """

    def __init__(self, ports: Ports, places: int) -> None:
        """Make all members; each outside source gets at most ``places`` calls at once."""
        members = [_checked(name, make(ports)) for name, make in ports.sources.members.items()]
        self.keepers = tuple(member for member in members if isinstance(member, Keeper))
        self.outside = tuple(
            BoundedSource(member, ports.clock, places, outside.TIME_LIMIT)
            for member in members
            if not isinstance(member, Keeper)
        )
        self._by_kind = _one_for_each_kind(self.keepers)
        self._names = {member.name for member in members}

    @property
    def accounts(self) -> Mapping[PrincipalKind, Callable[[int], Principal | None]]:
        """Who tells of the principal of an id, by its kind."""
        return {kind: keeper.by_id for kind, keeper in self._by_kind.items()}

    def keeper(self, kind: PrincipalKind) -> Keeper:
        """The keeper of principals of this kind."""
        return self._by_kind[kind]

    def outside_for(self, name: str, stored: StoredLogin | None) -> tuple[BoundedSource, ...]:
        """The outside sources that may be shown the password of this name.

        Of an account that is known, it is the source it belongs to, and an error in the log when that is in no row any
        more; else all that the configuration wants, unless a keeper reserves such names.
        """
        if stored is None and any(keeper.reserves(name) for keeper in self.keepers):
            return ()
        if stored is not None and stored.source not in self._names:
            _log.error("identity_source_unknown", source=stored.source, username=stored.username)
        asked = (source for source in self.outside if stored is None or source.name == stored.source)
        return tuple(source for source in asked if source.enabled())


def _checked(name: str, member: object) -> Keeper | OutsideSource:
    if not isinstance(member, Keeper | OutsideSource):
        lacking = (f"{kind.__name__} ({', '.join(_lacking(kind, member))})" for kind in (Keeper, OutsideSource))
        raise InternalError(f"identity source {name!r} lacks what it takes to be a {' or an '.join(lacking)}")
    if member.name != name or not _NAME.fullmatch(name):
        raise InternalError(
            f"identity source {name!r} is called {member.name!r} by its class, or that is no plain name"
        )
    return member


def _lacking(protocol: type, member: object) -> list[str]:
    return [one for one in vars(protocol) if not one.startswith("_") and not hasattr(member, one)]


def _one_for_each_kind(keepers: tuple[Keeper, ...]) -> Mapping[PrincipalKind, Keeper]:
    by_kind = {keeper.kind: keeper for keeper in keepers}
    if sorted(keeper.kind for keeper in keepers) != sorted(_WHO_LOGS_IN):
        raise InternalError(
            f"identity sources keep principals of the kinds {[str(keeper.kind) for keeper in keepers]}: "
            f"each of {[str(kind) for kind in _WHO_LOGS_IN]} needs one keeper"
        )
    return by_kind
