"""What a robot may be granted, and by whom."""

import pytest

from app.access.principals import ANONYMOUS, SYSTEM, Principal, PrincipalKind
from app.access.roles import Role
from app.access.table import PROJECT_ROLES, ROBOT_PROJECT, ROBOT_SYSTEM
from app.core.errors import InvalidError
from app.robots.grants import Grant, GrantedAction, Level, SpacePermission, grants_of, holds, permissions_of

PERSON = Principal(kind=PrincipalKind.USER, id=2, name="person")
NOBODY: frozenset[Role] = frozenset()


def permission(namespace: str, *rights: str, kind: str | None = None) -> SpacePermission:
    pairs = (right.split(":") for right in rights)
    return SpacePermission(
        kind=kind or ("system" if namespace == "/" else "project"),
        namespace=namespace,
        access=tuple(GrantedAction(resource=resource, action=action) for resource, action in pairs),
    )


def robot(*grants: Grant) -> Principal:
    return Principal(kind=PrincipalKind.ROBOT, id=3, name="robot$r", grants=frozenset(grants))


def test_grants_are_kept_once_and_in_order() -> None:
    entries = [permission("b", "tag:list", "tag:list"), permission("/", "catalog:read"), permission("b", "tag:list")]
    assert grants_of(Level.SYSTEM, entries) == (("b", "tag", "list"), ("/", "catalog", "read"))


def test_entries_come_back_as_they_went() -> None:
    entries = [
        permission("b", "tag:list", "repository:push"),
        permission("/", "catalog:read"),
        permission("*", "log:list"),
    ]
    assert permissions_of(grants_of(Level.SYSTEM, entries)) == entries


@pytest.mark.parametrize("table", [ROBOT_SYSTEM, ROBOT_PROJECT])
def test_tables_have_seventy_rows(table: dict[str, tuple[str, ...]]) -> None:
    assert sum(len(set(actions)) for actions in table.values()) == 70
    assert "update" not in table["robot"]


@pytest.mark.parametrize(
    ("level", "entries"),
    [
        (Level.SYSTEM, []),
        (Level.SYSTEM, [permission("a")]),
        (Level.SYSTEM, [permission("/", "repository:pull")]),
        (Level.SYSTEM, [permission("a", "catalog:read")]),
        (Level.SYSTEM, [permission("/", "tag:list", kind="project")]),
        (Level.SYSTEM, [permission("a", "catalog:read", kind="system")]),
        (Level.SYSTEM, [permission("a", "tag:list", kind="other")]),
        (Level.PROJECT, [permission("*", "tag:list")]),
        (Level.PROJECT, [permission("/", "catalog:read")]),
        (Level.PROJECT, [permission("a", "tag:list"), permission("a", "tag:list")]),
    ],
)
def test_entries_that_cannot_be(level: Level, entries: list[SpacePermission]) -> None:
    with pytest.raises(InvalidError):
        grants_of(level, entries)


class TestHolds:
    def test_administrators_hold_everything(self) -> None:
        for grant in (("/", "user", "create"), ("*", "tag", "list"), ("a", "metadata", "list")):
            assert holds(SYSTEM, NOBODY, grant)

    @pytest.mark.parametrize("role", sorted(set(Role) - {Role.PUBLIC}))
    def test_people_hold_what_their_role_holds(self, role: Role) -> None:
        for resource, actions in ROBOT_PROJECT.items():
            for action in actions:
                row = (resource, "read" if (resource, action) == ("metadata", "list") else action)
                held = holds(PERSON, frozenset({role}), ("a", resource, action))
                assert held == (role in PROJECT_ROLES[row])

    def test_what_is_public_is_not_held(self) -> None:
        for principal in (PERSON, ANONYMOUS, robot()):
            assert not holds(principal, frozenset({Role.PUBLIC}), ("a", "repository", "pull"))

    def test_people_hold_nothing_everywhere(self) -> None:
        assert not holds(PERSON, NOBODY, ("*", "repository", "pull"))
        assert not holds(PERSON, frozenset({Role.PROJECT_ADMIN}), ("/", "robot", "create"))

    def test_robots_hold_their_grants(self) -> None:
        maker = robot(("a", "repository", "push"), ("*", "tag", "list"), ("/", "catalog", "read"))
        for grant in (
            ("a", "repository", "push"),
            ("a", "repository", "pull"),
            ("b", "tag", "list"),
            ("*", "tag", "list"),
            ("/", "catalog", "read"),
        ):
            assert holds(maker, NOBODY, grant)
        for grant in (
            ("b", "repository", "pull"),
            ("*", "repository", "pull"),
            ("a", "repository", "delete"),
            ("/", "tag", "list"),
            ("a", "catalog", "read"),
            ("a", "metadata", "list"),
        ):
            assert not holds(maker, NOBODY, grant)

    def test_a_grant_in_the_system_is_none_in_projects(self) -> None:
        assert not holds(robot(("/", "project", "list")), NOBODY, ("*", "project", "read"))
