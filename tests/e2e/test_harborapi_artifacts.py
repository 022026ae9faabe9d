"""An independent client of Harbor's API lists repositories and artifacts, filters them and deletes them."""

import json

from harborapi import HarborAsyncClient
from harborapi.exceptions import BadRequest, NotFound
from harborapi.models import Label, ProjectReq, Quota, QuotaUpdateReq, ResourceList

from tests.e2e.harbor_client import number, refused, tell, unused
from tests.support.blobs import digest_of, push
from tests.support.instance import Instance
from tests.support.manifests import EMPTY, artifact, index, push_image, push_manifest

_CONFIG = "application/vnd.oci.image.config.v1+json"


def test_artifacts(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        project = unused("project")
        await admin.create_project(ProjectReq(project_name=project))
        with instance.client() as registry:
            images = [push_image(registry, f"{project}/group/app", f"v{seed}", seed=seed) for seed in range(12)]
            push_manifest(registry, f"{project}/group/app", images[0], "stable")
            push(registry, f"{project}/group/app", EMPTY)
            attached = artifact(images[0])
            push_manifest(registry, f"{project}/group/app", attached)
            child = push_image(registry, f"{project}/other", seed=99)
            push_manifest(registry, f"{project}/other", index(child), "all")

        shown = await admin.get_repositories(project, sort="name")
        assert [one.base_name for one in shown] == ["group/app", "other"]
        assert [one.artifact_count for one in shown] == [12, 1]
        everywhere = await admin.get_repositories(query=f"name=~{project}", sort="-name")
        assert [one.name for one in everywhere] == [f"{project}/other", f"{project}/group/app"]

        listed = await admin.get_artifacts(project, "group/app", page_size=5, with_accessory=True)
        assert [one.digest for one in listed] == [digest_of(image) for image in reversed(images)]
        assert {tag.name for tag in listed[-1].tags or ()} == {"v0", "stable"}
        assert [one.digest for one in listed[-1].accessories or ()] == [digest_of(attached)]
        assert listed[0].scan_overview is None
        found = await admin.get_artifacts(project, "group/app", query="tags=~V1", sort="push_time")
        assert [one.digest for one in found] == [digest_of(images[seed]) for seed in (1, 10, 11)]
        assert await admin.get_artifacts(project, "group/app", query="tags=nil") == []
        assert len(await admin.get_artifacts(project, "other", query="base=*")) == 2
        kind = f"media_type={_CONFIG.replace('+', '%2B')}"
        assert len(await admin.get_artifacts(project, "group/app", query=kind)) == 12

        (accessory,) = await admin.get_artifact_accessories(project, "group/app", "stable")
        assert (accessory.digest, accessory.subject_artifact_digest) == (digest_of(attached), digest_of(images[0]))
        assert (accessory.type, accessory.size) == ("subject.accessory", len(attached) + len(EMPTY))

        await admin.delete_artifact(project, "group/app", "stable")
        await refused(NotFound, admin.get_artifact(project, "group/app", "v0"), "NOT_FOUND")
        assert await admin.get_artifacts(project, "group/app", query="tags=stable") == []
        assert (await admin.get_repository(project, "group/app")).artifact_count == 11
        await refused(BadRequest, admin.get_artifacts(project, "group/app", query="labels=x"), "BAD_REQUEST")
        for name in ("group/app", "other"):
            await admin.delete_repository(project, name)
        await admin.delete_project(project)

    tell(instance, story)


def test_labels_and_quotas_of_what_was_pushed(instance: Instance) -> None:
    async def story(admin: HarborAsyncClient) -> None:
        project = unused("project")
        await admin.create_project(ProjectReq(project_name=project, storage_limit=1_000_000))
        project_id = (await admin.get_project(project)).project_id
        with instance.client() as registry:
            image = push_image(registry, f"{project}/app", "1")
        label = number(await admin.create_label(Label(name="kept", scope="p", project_id=project_id)))
        await admin.add_artifact_label(project, "app", "1", Label(id=label))
        (labelled,) = await admin.get_artifacts(project, "app", query=f"labels=({label})", with_label=True)
        assert labelled.digest == digest_of(image)
        assert [one.name for one in labelled.labels or ()] == ["kept"]

        def storage(quota: Quota) -> tuple[int, int]:
            hard, used = (json.loads(part.model_dump_json()) for part in (quota.hard, quota.used) if part is not None)
            return hard["storage"], used["storage"]

        (quota,) = await admin.get_quotas(reference="project", reference_id=str(project_id))
        assert quota.id is not None
        assert storage(quota) == (1_000_000, labelled.size)
        await admin.update_quota(quota.id, QuotaUpdateReq(hard=ResourceList(root={"storage": 2_000_000})))
        assert storage(await admin.get_quota(quota.id)) == (2_000_000, labelled.size)
        await admin.delete_artifact(project, "app", "1")
        assert storage(await admin.get_quota(quota.id)) == (2_000_000, 0)

    tell(instance, story)
