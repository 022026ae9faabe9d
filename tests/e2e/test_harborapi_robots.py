"""An independent client of Harbor's API walks through robots, as both forms of the API have them."""

import pytest
from harborapi import HarborAsyncClient
from harborapi.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
)
from harborapi.models import (
    Access,
    ProjectMetadata,
    ProjectReq,
    RobotCreate,
    RobotCreateV1,
    RobotPermission,
)

from tests.e2e.harbor_client import refused, shut_out, signed_in, tell, unused
from tests.support.instance import Instance


def _may(project: str, *pairs: tuple[str, str]) -> RobotPermission:
    access = [Access(resource=resource, action=action) for resource, action in pairs]
    return RobotPermission(kind="project" if project != "/" else "system", namespace=project, access=access)


def test_system_robots(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        grantable = await admin.get_permissions()
        assert (len(grantable.system or []), len(grantable.project or [])) == (70, 70)
        name = unused("ci")
        permissions = [_may("/", ("project", "list"), ("user", "list")), _may("*", ("repository", "pull"))]
        made = await admin.create_robot(
            RobotCreate(name=name, level="system", duration=30, disable=False, permissions=permissions)
        )
        assert (made.name, made.id is not None, made.expires_at is not None) == (f"robot${name}", True, True)
        assert made.secret
        assert made.id is not None
        assert made.name is not None
        assert made.id in {each.id for each in await admin.get_robots(query="Level=system", page_size=1)}
        robot = await admin.get_robot(made.id)
        assert (robot.level, robot.duration, robot.secret, bool(robot.disable)) == ("system", 30, None, False)
        assert {each.namespace for each in robot.permissions or []} == {"/", "*"}

        async with signed_in(instance, made.name, made.secret) as own:
            assert (await own.get_users()) == await admin.get_users()
            await refused(Forbidden, own.get_system_volume_info(), "FORBIDDEN")
            fresh = await admin.refresh_robot_secret(made.id, "")
            assert fresh.secret
            await shut_out(own.get_users)
        async with signed_in(instance, made.name, fresh.secret) as own:
            assert await own.get_users() == await admin.get_users()
            robot.disable = True
            await admin.update_robot(made.id, robot)
            assert (await admin.get_robot(made.id)).disable
            await shut_out(own.get_users)

        same = RobotCreate(name=name, level="system", duration=-1, permissions=permissions)
        await refused(Conflict, admin.create_robot(same), "CONFLICT")
        ended = RobotCreate(name=unused("ci"), level="system", duration=-5, permissions=permissions)
        await refused(BadRequest, admin.create_robot(ended), "BAD_REQUEST")
        await admin.delete_robot(made.id)
        await refused(NotFound, admin.get_robot(made.id), "NOT_FOUND")

    tell(instance, story)


@pytest.mark.parametrize("older", [False, True])
def test_robots_of_a_project(instance: Instance, *, older: bool) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        project, name = unused("project"), unused("ci")
        await admin.create_project(ProjectReq(project_name=project, metadata=ProjectMetadata(public="false")))
        project_id = (await admin.get_project(project)).project_id
        access = [Access(resource="repository", action="pull"), Access(resource="member", action="list")]
        if older:
            within = [Access(resource=f"/project/{project_id}/{each.resource}", action=each.action) for each in access]
            made = await admin.create_robot_v1(project, RobotCreateV1(name=name, expires_at=-1, access=within))
        else:
            permission = RobotPermission(kind="project", namespace=project, access=access)
            wanted = RobotCreate(name=name, level="project", duration=-1, permissions=[permission])
            made = await admin.create_robot(wanted)
        assert made.id is not None
        assert (made.name, bool(made.secret)) == (f"robot${project}+{name}", True)
        found = await admin.get_robots(query=f"Level=project,ProjectID={project_id}")
        assert [each.id for each in found] == [made.id]
        assert [each.id for each in await admin.get_robots_v1(project)] == [made.id]
        assert (await admin.get_robot_v1(project, made.id)).name == made.name
        async with signed_in(instance, made.name or "", made.secret or "") as own:
            await refused(Forbidden, own.get_project_logs(project), "FORBIDDEN")
            assert [each.entity_name for each in await own.get_project_members(project)] == ["admin"]
        if older:
            await admin.delete_robot_v1(project, made.id)
        else:
            await admin.delete_robot(made.id)
        assert await admin.get_robots_v1(project) == []
        await admin.delete_project(project)

    tell(instance, story)
