"""An independent client of Harbor's API walks through projects, their settings and members."""

from harborapi import HarborAsyncClient
from harborapi.exceptions import (
    BadRequest,
    Conflict,
    Forbidden,
    NotFound,
    UnprocessableEntity,
)
from harborapi.models import (
    CVEAllowlist,
    CVEAllowlistItem,
    ProjectMetadata,
    ProjectReq,
)

from tests.e2e.harbor_client import make_person, number, refused, signed_in, tell, unused
from tests.support.instance import Instance

_ADMIN, _DEVELOPER, _GUEST, _MAINTAINER = 1, 2, 3, 4
_GIB = 2**30


def test_projects(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        name = unused("project")
        wanted = ProjectReq(
            project_name=name,
            metadata=ProjectMetadata(public="false", auto_scan="true", severity="high"),
            storage_limit=_GIB,
        )
        assert (await admin.create_project(wanted)).endswith(f"/projects/{name}")
        made = await admin.get_project(name)
        assert made.metadata is not None
        assert (made.name, made.owner_name, made.repo_count) == (name, "admin", 0)
        assert (made.metadata.public, made.metadata.auto_scan, made.metadata.severity) == ("false", "true", "high")
        assert made.project_id is not None
        assert (await admin.get_project(made.project_id)).name == name
        assert await admin.project_exists(name)
        assert not await admin.project_exists(unused("project"))
        assert [each.name for each in await admin.get_projects(name=name, public=False, owner="admin")] == [name]
        assert await admin.get_projects(query=f"name={name}", public=True) == []
        everything = [each.name for each in await admin.get_projects(page_size=1, sort="name")]
        assert {name, "library"} <= set(everything)
        assert len(everything) == len(set(everything))

        opened = ProjectReq(metadata=ProjectMetadata(public="true", prevent_vul="true"))
        await admin.update_project(name, opened)
        shown = (await admin.get_project(name)).metadata
        assert shown is not None
        assert (shown.public, shown.prevent_vul, shown.severity) == ("true", "true", "high")
        summary = await admin.get_project_summary(name)
        assert (summary.repo_count or 0, summary.project_admin_count) == (0, 1)
        assert summary.quota is not None
        assert summary.quota.hard is not None
        assert summary.quota.hard.root == {"storage": _GIB}
        assert (await admin.get_project_deletable(name)).deletable
        operations = {(log.operation, log.resource_type) for log in await admin.get_project_logs(name)}
        assert {("create", "project"), ("update", "project")} <= operations

        await refused(Conflict, admin.create_project(wanted), "CONFLICT")
        await refused(BadRequest, admin.create_project(ProjectReq(project_name="No Name")), "BAD_REQUEST")
        bad = ProjectReq(metadata=ProjectMetadata(public="perhaps"))
        await refused(BadRequest, admin.update_project(name, bad), "BAD_REQUEST")
        await refused(UnprocessableEntity, admin.get("/projects", params={"page_size": 101}), "UNPROCESSABLE_ENTITY")
        await admin.delete_project(name)
        await refused(NotFound, admin.get_project(name), "NOT_FOUND")

    tell(instance, story)


def test_metadata(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        name = unused("project")
        await admin.create_project(ProjectReq(project_name=name, metadata=ProjectMetadata(public="false")))
        await admin.set_project_metadata(name, ProjectMetadata(auto_scan="true"))
        assert await admin.get_project_metadata_entry(name, "auto_scan") == {"auto_scan": "true"}
        await admin.update_project_metadata_entry(name, "auto_scan", {"auto_scan": "false"})
        everything = await admin.get_project_metadata(name)
        assert (everything.public, everything.auto_scan) == ("false", "false")
        again = admin.set_project_metadata(name, ProjectMetadata(auto_scan="true"))
        await refused(Conflict, again, "CONFLICT")
        await admin.delete_project_metadata_entry(name, "auto_scan")
        assert await admin.get_project_metadata_entry(name, "auto_scan") == {}
        await admin.delete_project(name)

    tell(instance, story)


def test_members(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        project, (person, name), (other, other_name) = unused("project"), *[await make_person(admin) for _ in range(2)]
        await admin.create_project(ProjectReq(project_name=project, metadata=ProjectMetadata(public="false")))
        member = number(await admin.add_project_member_user(project, name, _GUEST))
        await admin.add_project_member_user(project, other, _MAINTAINER)
        shown = await admin.get_project_member(project, member)
        assert (shown.entity_id, shown.entity_name, shown.entity_type) == (person, name, "u")
        assert (shown.role_id, shown.role_name) == (_GUEST, "guest")
        everybody = await admin.get_project_members(project, page_size=1)
        assert {each.entity_name for each in everybody} == {"admin", name, other_name}
        assert [each.id for each in await admin.get_project_members(project, entity_name=name)] == [member]

        async with signed_in(instance, name) as own:
            assert [each.name for each in await own.get_projects(query=f"name={project}")] == [project]
            assert (await own.get_project(project)).current_user_role_id == _GUEST
            held = await own.get_current_user_permissions(
                scope=f"/project/{(await own.get_project(project)).project_id}"
            )
            assert any(each.action == "pull" for each in held)
            assert not any(each.action == "push" for each in held)
            await refused(Forbidden, own.get_project_logs(project), "FORBIDDEN")
            await refused(Forbidden, own.add_project_member_user(project, other, _ADMIN), "FORBIDDEN")
            await refused(Forbidden, own.delete_project(project), "FORBIDDEN")
            await admin.update_project_member_role(project, member, _ADMIN)
            assert (await own.get_project_logs(project))[0].resource == name
            await admin.remove_project_member(project, member)
            await refused(Forbidden, own.get_project(project), "FORBIDDEN")

        await refused(Conflict, admin.add_project_member_user(project, other, _DEVELOPER), "CONFLICT")
        await refused(NotFound, admin.add_project_member_user(project, unused("nobody"), _GUEST), "NOT_FOUND")
        await refused(BadRequest, admin.add_project_member_user(project, person, 9), "BAD_REQUEST")
        await refused(NotFound, admin.get_project_member(project, member), "NOT_FOUND")
        await admin.delete_project(project)
        for each in (person, other):
            await admin.delete_user(each)

    tell(instance, story)


def test_allow_lists(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        project = unused("project")
        accepted = CVEAllowlist(items=[CVEAllowlistItem(cve_id="CVE-2019-10164")], expires_at=4102444800)
        await admin.update_cve_allowlist(accepted)
        shown = await admin.get_cve_allowlist()
        assert [item.cve_id for item in shown.items or []] == ["CVE-2019-10164"]
        assert shown.expires_at == 4102444800
        twice = CVEAllowlist(items=[CVEAllowlistItem(cve_id="CVE-1"), CVEAllowlistItem(cve_id="CVE-1")])
        await refused(BadRequest, admin.update_cve_allowlist(twice), "BAD_REQUEST")
        await admin.update_cve_allowlist(CVEAllowlist(items=[]))
        assert not (await admin.get_cve_allowlist()).items

        await admin.create_project(ProjectReq(project_name=project, metadata=ProjectMetadata(public="false")))
        own = ProjectReq(metadata=ProjectMetadata(reuse_sys_cve_allowlist="false"), cve_allowlist=accepted)
        await admin.update_project(project, own)
        told = (await admin.get_project(project)).cve_allowlist
        assert told is not None
        assert [item.cve_id for item in told.items or []] == ["CVE-2019-10164"]
        await admin.delete_project(project)

    tell(instance, story)
