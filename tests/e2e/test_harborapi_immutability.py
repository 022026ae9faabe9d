"""An independent client of Harbor's API tags an image and protects its tags."""

from harborapi import HarborAsyncClient
from harborapi.exceptions import BadRequest, Conflict, NotFound, PreconditionFailed
from harborapi.models import ImmutableRule, ImmutableSelector, ProjectReq, Tag

from tests.e2e.harbor_client import number, refused, tell, unused
from tests.support.instance import Instance
from tests.support.manifests import push_image, put


def _rule(tags: str) -> ImmutableRule:
    return ImmutableRule(
        action="immutable",
        template="immutable_template",
        tag_selectors=[ImmutableSelector(kind="doublestar", decoration="matches", pattern=tags)],
        scope_selectors={"repository": [ImmutableSelector(kind="doublestar", decoration="repoMatches", pattern="**")]},
    )


def test_tags_and_immutability(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        project = unused("project")
        await admin.create_project(ProjectReq(project_name=project))
        with instance.client() as registry:
            push_image(registry, f"{project}/team/app", "1")
            other = push_image(registry, f"{project}/team/app", seed=1)

        place = (project, "team/app", "1")
        assert (await admin.create_artifact_tag(*place, Tag(name="v1"))).endswith("/artifacts/1/tags/v1")
        await admin.create_artifact_tag(*place, Tag(name="latest"))
        await refused(Conflict, admin.create_artifact_tag(*place, Tag(name="v1")), "CONFLICT")
        await refused(BadRequest, admin.create_artifact_tag(*place, Tag(name="a/b")), "BAD_REQUEST")
        assert [tag.name for tag in await admin.get_artifact_tags(*place)] == ["latest", "v1", "1"]
        assert [tag.name for tag in await admin.get_artifact_tags(*place, query="name=~v", sort="name")] == ["v1"]

        rule_id = number(await admin.create_project_immutable_tag_rule(project, _rule("v*")))
        await refused(Conflict, admin.create_project_immutable_tag_rule(project, _rule("v*")), "CONFLICT")
        await refused(BadRequest, admin.create_project_immutable_tag_rule(project, ImmutableRule()), "BAD_REQUEST")
        assert [(rule.id, rule.tag_selectors) for rule in await admin.get_project_immutable_tag_rules(project)] == [
            (rule_id, _rule("v*").tag_selectors)
        ]
        for tags in (
            await admin.get_artifact_tags(*place, with_immutable_status=True),
            (await admin.get_artifact(*place, with_immutable_status=True)).tags or [],
            (await admin.get_artifacts(project, "team/app", query="tags=v1", with_immutable_status=True))[0].tags or [],
        ):
            assert {tag.name for tag in tags if tag.immutable} == {"v1"}
        for refusal in (
            admin.delete_artifact_tag(*place, "v1"),
            admin.delete_artifact(*place),
            admin.delete_repository(project, "team/app"),
        ):
            await refused(PreconditionFailed, refusal, "PRECONDITION")
        with instance.client() as registry:
            assert put(registry, f"{project}/team/app", other, "v1").status_code == 412
        await admin.delete_artifact_tag(*place, "latest")
        await refused(NotFound, admin.delete_artifact_tag(*place, "latest"), "NOT_FOUND")

        await admin.enable_project_immutable_tagrule(project, rule_id, enabled=False)
        await admin.delete_artifact_tag(*place, "v1")
        await admin.update_project_immutable_tag_rule(project, rule_id, _rule("1").model_copy(update={"id": rule_id}))
        await refused(PreconditionFailed, admin.delete_artifact(*place), "PRECONDITION")
        await admin.delete_project_immutable_tag_rule(project, rule_id)
        await refused(NotFound, admin.delete_project_immutable_tag_rule(project, rule_id), "NOT_FOUND")
        await admin.delete_repository(project, "team/app")

    tell(instance, story)
