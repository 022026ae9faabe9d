"""Use cases of user accounts: rules, rights, and what a change sets off."""

import threading
from collections.abc import Callable

import pytest

from app.access.principals import ANONYMOUS, Principal, PrincipalKind
from app.context import Context, Ports
from app.core.errors import (
    ConflictError,
    DeniedError,
    FieldInvalid,
    NotFoundError,
    TooManyRequests,
    UnauthenticatedError,
)
from app.identity.authentication import Authenticator
from app.identity.models import LoginFailure
from app.identity.profiles import NewUser
from app.identity.service import UserService
from tests.support.accounts import PASSWORD, make_user


def new(username: str = "someone", **fields: str) -> NewUser:
    texts = {"password": PASSWORD, "email": f"{username}@example.test", "realname": "N", **fields}
    return NewUser(username=username, **texts)  # type: ignore[arg-type]


def as_user(ports: Ports, user_id: int) -> Context:
    return Context(ports, Principal(kind=PrincipalKind.USER, id=user_id, name="someone"))


class TestCreate:
    def test_an_account(self, ctx: Context) -> None:
        made = UserService(ctx).create(new(realname="Some One", comment="hello"))
        assert UserService(ctx).find("someone") == UserService(ctx).get(made.id) == made
        assert (made.realname, made.comment, made.sysadmin, made.disabled, made.version) == (
            "Some One",
            "hello",
            False,
            False,
            1,
        )

    def test_names_and_addresses_are_taken_once(self, ctx: Context) -> None:
        UserService(ctx).create(new())
        for other in (new(email="other@example.test"), new("other", email="someone@example.test")):
            with pytest.raises(ConflictError):
                UserService(ctx).create(other)

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("username", ""),
            ("username", "x" * 256),
            *(("username", f"a{char}b") for char in ',"~#%$\0\n'),
            ("email", ""),
            ("email", "nobody"),
            ("email", "a@b@c"),
            ("email", "a@" + "b" * 255),
            ("realname", "x" * 256),
            ("comment", "x" * 31),
            ("password", "weak"),
        ],
    )
    def test_rules(self, ctx: Context, field: str, value: str) -> None:
        with pytest.raises(FieldInvalid) as refusal:
            UserService(ctx).create(new(**{field: value}))
        assert refusal.value.detail["field"] == field  # type: ignore[index]

    def test_at_the_same_time(self, ports: Ports, ctx: Context) -> None:
        outcomes: list[str] = []

        def create() -> None:
            try:
                UserService(Context(ports, ctx.principal)).create(new())
            except ConflictError:
                outcomes.append("conflict")
            else:
                outcomes.append("made")

        threads = [threading.Thread(target=create) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["conflict"] * 3 + ["made"]


class TestRights:
    def test_people_may_read_themselves_and_set_their_own_password(self, ports: Ports) -> None:
        person, other = make_user(ports, "someone"), make_user(ports, "other")
        users = UserService(as_user(ports, person.id))
        assert users.get(person.id).username == "someone"
        users.set_password(person.id, "Another12345", old=PASSWORD)
        refusals: tuple[Callable[[], object], ...] = (
            lambda: users.get(other.id),
            lambda: users.find("other"),
            lambda: users.create(new("third")),
            lambda: users.set_password(other.id, "Another12345"),
            lambda: users.disable(person.id),
            lambda: users.set_sysadmin(person.id, sysadmin=True),
        )
        for refused in refusals:
            with pytest.raises(DeniedError):
                refused()

    def test_nobody_may_nothing(self, ports: Ports) -> None:
        person = make_user(ports, "someone")
        users = UserService(Context(ports, ANONYMOUS))
        refusals: tuple[Callable[[], object], ...] = (
            lambda: users.get(person.id),
            lambda: users.create(new("third")),
            lambda: users.set_password(person.id, "Another12345"),
        )
        for refused in refusals:
            with pytest.raises(UnauthenticatedError):
                refused()

    def test_the_first_administrator_stays(self, ports: Ports, ctx: Context) -> None:
        first = make_user(ports, "admin", sysadmin=True)
        users = UserService(ctx)
        with pytest.raises(DeniedError):
            users.disable(first.id)
        with pytest.raises(DeniedError):
            users.set_sysadmin(first.id, sysadmin=False)

    def test_unknown_accounts(self, ctx: Context) -> None:
        users = UserService(ctx)
        assert users.find("nobody") is None
        refusals: tuple[Callable[[], object], ...] = (
            lambda: users.get(99),
            lambda: users.set_password(99, "Another12345"),
            lambda: users.disable(99),
            lambda: users.set_sysadmin(99, sysadmin=True),
        )
        for refused in refusals:
            with pytest.raises(NotFoundError):
                refused()


def test_each_change_makes_a_new_version(ports: Ports, ctx: Context) -> None:
    make_user(ports, "admin", sysadmin=True)
    person, users = make_user(ports, "someone"), UserService(ctx)
    users.set_password(person.id, "Another12345")
    users.set_sysadmin(person.id, sysadmin=True)
    users.disable(person.id)
    account = users.get(person.id)
    assert (account.version, account.sysadmin, account.disabled) == (4, True, True)


class TestAuthenticator:
    def test_failures_are_counted_once_each_by_many_processes(self, ports: Ports) -> None:
        make_user(ports, "someone")
        authenticators = [Authenticator(ports) for _ in range(4)]

        def guess(authenticator: Authenticator) -> None:
            with pytest.raises((UnauthenticatedError, TooManyRequests)):
                authenticator.basic("someone", "wrong", "192.0.2.1")

        threads = [threading.Thread(target=guess, args=(one,)) for one in authenticators]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with ports.db.read() as session:
            failure = session.get_one(LoginFailure, ("someone", "192.0.2.1"))
        assert (failure.count, failure.blocked_until) == (4, 0)

    def test_addresses_are_delayed_apart(self, ports: Ports) -> None:
        make_user(ports, "someone")
        authenticator = Authenticator(ports)
        for _ in range(5):
            with pytest.raises(UnauthenticatedError):
                authenticator.basic("someone", "wrong", "192.0.2.1")
        with pytest.raises(TooManyRequests) as refusal:
            authenticator.basic("someone", "wrong", "192.0.2.1")
        assert refusal.value.retry_after == 1
        assert authenticator.basic("someone", PASSWORD, "192.0.2.2").name == "someone"

    def test_unknown_accounts_are_delayed_too(self, ports: Ports) -> None:
        authenticator = Authenticator(ports)
        for _ in range(5):
            with pytest.raises(UnauthenticatedError):
                authenticator.basic("nobody", "wrong", "192.0.2.1")
        with pytest.raises(TooManyRequests):
            authenticator.basic("nobody", "wrong", "192.0.2.1")
