"""An independent client of Harbor's API makes labels, puts them on an image and finds it by them."""

from harborapi import HarborAsyncClient
from harborapi.exceptions import BadRequest, Conflict, NotFound
from harborapi.models import Label, ProjectReq

from tests.e2e.harbor_client import number, refused, tell, unused
from tests.support.instance import Instance
from tests.support.manifests import push_image


def test_labels(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        project, everywhere = unused("project"), unused("label")
        await admin.create_project(ProjectReq(project_name=project))
        project_id = (await admin.get_project(project)).project_id
        with instance.client() as registry:
            push_image(registry, f"{project}/app", "1", seed=1)
            push_image(registry, f"{project}/app", "2", seed=2)

        own = number(await admin.create_label(Label(name="own", scope="p", project_id=project_id, color="#0065AB")))
        shared = number(await admin.create_label(Label(name=everywhere, scope="g", description="for all")))
        assert [label.name for label in await admin.get_labels(scope="p", project_id=project_id)] == ["own"]
        assert everywhere in [label.name for label in await admin.get_labels(scope="g", name=everywhere[-6:])]
        made = await admin.get_label(shared)
        assert (made.name, made.scope, made.description, made.project_id) == (everywhere, "g", "for all", None)
        await admin.update_label(own, Label(name="mine", color="#C25400"))
        assert (await admin.get_label(own)).name == "mine"

        for label_id in (own, shared):
            await admin.add_artifact_label(project, "app", "1", Label(id=label_id))
        shown = await admin.get_artifact(project, "app", "1", with_label=True)
        assert [label.name for label in shown.labels or ()] == ["mine", everywhere]
        found = await admin.get_artifacts(project, "app", query=f"labels=({own} {shared})", with_label=True)
        assert [artifact.digest for artifact in found] == [shown.digest]
        assert found[0].labels == shown.labels
        await admin.delete_artifact_label(project, "app", "1", own)
        assert await admin.get_artifacts(project, "app", query=f"labels=({own})") == []

        await refused(Conflict, admin.add_artifact_label(project, "app", "1", Label(id=shared)), "CONFLICT")
        await refused(NotFound, admin.delete_artifact_label(project, "app", "1", own), "NOT_FOUND")
        await refused(Conflict, admin.create_label(Label(name=everywhere, scope="g")), "CONFLICT")
        await refused(BadRequest, admin.create_label(Label(scope="g")), "BAD_REQUEST")
        await admin.delete_label(shared)
        await refused(NotFound, admin.get_label(shared), "NOT_FOUND")
        assert not (await admin.get_artifact(project, "app", "1", with_label=True)).labels

    tell(instance, story)
