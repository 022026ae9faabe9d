"""The identity sources of one process, built from the installation's list and checked when the process starts."""

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
_LOGIN_KINDS: Final = (PrincipalKind.ROBOT, PrincipalKind.USER)


class Sources:
    """The members of ``Ports.sources`` in their order.

    Raises:
        InternalError: a member is incomplete or has another name than its row, or a kind of principal has no keeper or
            two. The process does not start.

    """

    def __init__(self, ports: Ports, places: int) -> None:
        """Build all members; each outside source gets at most ``places`` concurrent calls."""
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
        """The functions that return the principal of an id, by kind of principal."""
        return {kind: keeper.by_id for kind, keeper in self._by_kind.items()}

    def keeper(self, kind: PrincipalKind) -> Keeper:
        """Return the keeper of principals of this kind."""
        return self._by_kind[kind]

    def outside_for(self, name: str, stored: StoredLogin | None) -> tuple[BoundedSource, ...]:
        """Return the outside sources that may see the password of this name.

        For an existing account that is its own source; a source that no longer exists is logged as an error. For an
        unknown name they are all enabled sources, unless a keeper reserves such names.
        """
        if stored is None and any(keeper.reserves(name) for keeper in self.keepers):
            return ()
        if stored is not None and stored.source not in self._names:
            _log.error("identity_source_unknown", source=stored.source, username=stored.username)
        candidates = (source for source in self.outside if stored is None or source.name == stored.source)
        return tuple(source for source in candidates if source.enabled())


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
    return [name for name in vars(protocol) if not name.startswith("_") and not hasattr(member, name)]


def _one_for_each_kind(keepers: tuple[Keeper, ...]) -> Mapping[PrincipalKind, Keeper]:
    by_kind = {keeper.kind: keeper for keeper in keepers}
    if sorted(keeper.kind for keeper in keepers) != sorted(_LOGIN_KINDS):
        raise InternalError(
            f"identity sources keep principals of the kinds {[str(keeper.kind) for keeper in keepers]}: "
            f"each of {[str(kind) for kind in _LOGIN_KINDS]} needs one keeper"
        )
    return by_kind
