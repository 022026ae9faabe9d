"""An independent client of Harbor's API walks through the system, people and groups: its models read every answer."""

import pytest
from harborapi import HarborAsyncClient
from harborapi.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    PreconditionFailed,
)
from harborapi.models import (
    BoolConfigItem,
    Configurations,
    IntegerConfigItem,
    ProjectMetadata,
    ProjectReq,
    UserCreationReq,
    UserGroup,
    UserProfile,
)

from tests.e2e.harbor_client import make_person, number, refused, shut_out, signed_in, tell, unused
from tests.support.instance import PASSWORD, Instance

_OTHER_PASSWORD = "Harbor54321"
_DEVELOPER = 2
_OIDC = 3


def test_the_system(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        assert await admin.ping() == "Pong"
        health = await admin.health_check()
        assert health.status == "healthy"
        names = {component.name for component in health.components or []}
        assert names == {"core", "database", "jobservice", "registry"}
        told = await admin.get_system_info()
        assert told.harbor_version is not None
        assert told.harbor_version.startswith("v2.")
        assert (told.auth_mode, told.read_only, told.registry_url) == ("db_auth", False, instance.host)
        (storage,) = (await admin.get_system_volume_info()).storage or []
        assert storage.total is not None
        assert storage.free is not None
        assert 0 < storage.free < storage.total
        await refused(NotFound, admin.get("/systeminfo/getcert"), "NOT_FOUND")

    tell(instance, story)


def test_the_configuration(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        before = await admin.get_config()
        assert (before.read_only, before.session_timeout) == (
            BoolConfigItem(value=False, editable=True),
            IntegerConfigItem(value=60, editable=True),
        )
        await admin.update_config(Configurations(session_timeout=30, read_only=True))
        try:
            told = await admin.get_config()
            assert told.session_timeout == IntegerConfigItem(value=30, editable=True)
            await refused(Forbidden, admin.create_project(ProjectReq(project_name=unused("project"))), "DENIED")
        finally:
            await admin.update_config(Configurations(session_timeout=60, read_only=False))
        assert await admin.get_config() == before
        await refused(BadRequest, admin.update_config(Configurations(ldap_scope=9)), "BAD_REQUEST")

    tell(instance, story)


def test_people(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        person, name = await make_person(admin)
        found = await admin.get_user_by_username(name)
        assert (found.user_id, found.username, found.email) == (person, name, f"{name}@example.test")
        assert [each.user_id for each in await admin.search_users_by_username(name)] == [person]
        assert [each.username for each in await admin.get_users(query=f"username=~{name[-6:]}")] == [name]
        everybody = await admin.get_users(sort="-username", page_size=1)
        names = [each.username or "" for each in everybody]
        assert name in names
        assert "admin" not in names
        assert names == sorted(names, reverse=True)

        await admin.update_user(person, UserProfile(email=f"new-{name}@example.test", realname="New", comment="Hello"))
        changed = await admin.get_user(person)
        assert (changed.email, changed.realname, changed.comment) == (f"new-{name}@example.test", "New", "Hello")
        for flag in (True, False):
            await admin.set_user_admin(person, flag)
            assert bool((await admin.get_user(person)).sysadmin_flag) is flag

        same = UserCreationReq(username=name, email="other@example.test", realname="x", password=PASSWORD)
        await refused(Conflict, admin.create_user(same), "CONFLICT")
        weak = UserCreationReq(username=unused("weak"), email="w@example.test", realname="x", password="weak")
        await refused(BadRequest, admin.create_user(weak), "BAD_REQUEST")
        await refused(BadRequest, admin.set_user_password(person, "weak"), "BAD_REQUEST")
        await refused(PreconditionFailed, admin.set_user_cli_secret(person, _OTHER_PASSWORD), "PRECONDITION")
        await refused(NotFound, admin.get_user(2**31 - 1), "NOT_FOUND")
        await admin.delete_user(person)
        await refused(NotFound, admin.get_user(person), "NOT_FOUND")

    tell(instance, story)


def test_a_person_alone(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        person, name = await make_person(admin)
        async with signed_in(instance, name) as own:
            myself = await own.get_current_user()
            assert (myself.user_id, myself.username, myself.sysadmin_flag) == (person, name, False)
            assert (await own.get_user(person)).username == name
            assert await own.get_current_user_permissions(scope="/system") == []
            await own.update_user(person, UserProfile(email=f"{name}@example.test", realname="Me"))
            await refused(Forbidden, own.get_users(), "FORBIDDEN")
            await refused(Forbidden, own.set_user_admin(person, is_admin=True), "FORBIDDEN")
            await refused(Forbidden, own.get_system_volume_info(), "FORBIDDEN")
            await refused(Forbidden, own.delete_user(person), "FORBIDDEN")
            wrong = own.set_user_password(person, _OTHER_PASSWORD, old_password="Wrong12345")
            await refused(Forbidden, wrong, "FORBIDDEN")
            await own.set_user_password(person, _OTHER_PASSWORD, old_password=PASSWORD)
            await shut_out(own.get_current_user)
        async with signed_in(instance, name, _OTHER_PASSWORD) as own:
            assert (await own.get_current_user()).realname == "Me"
            await admin.delete_user(person)
            await shut_out(own.get_current_user)
        held = await admin.get_current_user_permissions(scope="/system", relative=True)
        assert ("user", "create") in {(each.resource, each.action) for each in held}

    tell(instance, story)


def test_groups(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        name, project = unused("group"), unused("project")
        group = number(await admin.create_usergroup(UserGroup(group_name=name, group_type=_OIDC)))
        shown = await admin.get_usergroup(group)
        assert (shown.id, shown.group_name, shown.group_type) == (group, name, _OIDC)
        assert [each.id for each in await admin.search_usergroups(name)] == [group]
        renamed = unused("group")
        await admin.update_usergroup(group, UserGroup(group_name=renamed))
        assert renamed in {each.group_name for each in await admin.get_usergroups()}

        await admin.create_project(ProjectReq(project_name=project, metadata=ProjectMetadata(public="false")))
        member = number(await admin.add_project_member_group(project, group, _DEVELOPER))
        held = await admin.get_project_member(project, member)
        assert (held.entity_id, held.entity_name, held.entity_type) == (group, renamed, "g")
        await admin.delete_usergroup(group)
        await refused(NotFound, admin.get_usergroup(group), "NOT_FOUND")
        await refused(NotFound, admin.get_project_member(project, member), "NOT_FOUND")
        await admin.delete_project(project)

        await refused(BadRequest, admin.create_usergroup(UserGroup(group_name=name, group_type=9)), "BAD_REQUEST")
        directory = UserGroup(group_name=name, group_type=1, ldap_group_dn="cn=all,dc=example,dc=test")
        with pytest.raises(BadRequest):
            await admin.create_usergroup(directory)

    tell(instance, story)
