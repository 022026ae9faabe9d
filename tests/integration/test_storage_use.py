"""Sizes of content, and the recount that mends counters and charges."""

import os
import subprocess
import sys

import httpx
import pytest
import sqlalchemy as sa

from app.access.principals import SYSTEM
from app.artifacts.models import ProjectBlob
from app.context import Context, Ports
from app.core.errors import ProjectUnknown
from app.core.reference import RepositoryName
from app.projects.models import Project
from app.quotas.recounting import RecountService
from tests.support.blobs import content_of, digest_of, push
from tests.support.collections import collect, let_time_pass
from tests.support.manifests import CONFIG, EMPTY, image, push_image, push_manifest
from tests.support.quotas import quota_of


def use_of(admin: httpx.Client, project: str) -> int:
    return int(quota_of(admin, project)["used"]["storage"])


def sizes_of(admin: httpx.Client, path: str) -> dict[str, int]:
    answer = admin.get(f"{path}/sizes")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def spoil(ports: Ports, **values: int) -> None:
    """Change the counters of the project ``private``."""
    with ports.db.write() as session:
        session.execute(sa.update(Project).where(Project.name == "private").values(**values))


def command(environment: dict[str, str], *arguments: str) -> str:
    """What ``pyharbor quota recompute`` prints."""
    run = [sys.executable, "-m", "app.cli", "quota", "recompute", *arguments]
    done = subprocess.run(run, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def recounts(ports: Ports) -> RecountService:
    return RecountService(Context(ports, SYSTEM))


class TestSizes:
    """The sizes of projects and repositories."""

    def test_shared_blobs_count_once_on_disk_and_for_every_artifact_in_what_is_pulled(
        self, admin: httpx.Client, registry: httpx.Client
    ) -> None:
        layer, own = content_of(1000, 1), content_of(500, 2)
        manifests = [image(layer), image(layer, own)]
        for name in ("private/a", "private/b"):
            for content in (layer, own, CONFIG):
                push(registry, RepositoryName(name), content)
        push_manifest(registry, "private/a", manifests[0], "1")
        push_manifest(registry, "private/a", manifests[1], "2")
        push_manifest(registry, "private/b", manifests[1], "1")
        first, second = (len(manifest) for manifest in manifests)
        blobs = 1500 + len(CONFIG)
        assert sizes_of(admin, "/projects/private/repositories/a") == {
            "physical": blobs + first + second,
            "logical": 2500 + 2 * len(CONFIG) + first + second,
            "reclaimable": 0,
        }
        assert sizes_of(admin, "/projects/private") == {
            "physical": blobs + first + 2 * second,
            "logical": 4000 + 3 * len(CONFIG) + first + 2 * second,
            "reclaimable": 0,
        }
        assert use_of(admin, "private") == blobs + first + 2 * second

    def test_what_was_deleted_is_reclaimable_until_it_is_collected(
        self, admin: httpx.Client, registry: httpx.Client, ports: Ports
    ) -> None:
        layer, kept = content_of(1000, 1), content_of(70, 2)
        for content in (layer, kept, CONFIG):
            push(registry, RepositoryName("private/a"), content)
        push_manifest(registry, "private/a", image(layer, kept), "1")
        push_manifest(registry, "private/a", image(kept), "2")
        assert admin.delete("/projects/private/repositories/a/artifacts/1").status_code == 200
        left = 70 + len(CONFIG) + len(image(kept))
        for path in ("/projects/private", "/projects/private/repositories/a"):
            assert sizes_of(admin, path) == {"physical": left + 1000, "logical": left, "reclaimable": 1000}
        assert use_of(admin, "private") == left
        let_time_pass(ports)
        collect(ports, untagged=False)
        assert sizes_of(admin, "/projects/private") == {"physical": left, "logical": left, "reclaimable": 0}

    def test_an_empty_project_has_sizes_and_an_unknown_repository_none(self, admin: httpx.Client) -> None:
        assert sizes_of(admin, "/projects/private") == {"physical": 0, "logical": 0, "reclaimable": 0}
        assert admin.get("/projects/private/repositories/none/sizes").status_code == 404


class TestRecount:
    """``pyharbor quota recompute`` asks this service."""

    def test_right_counters_stay(self, registry: httpx.Client, recounts: RecountService) -> None:
        push_image(registry, "private/a", "1")
        push(registry, RepositoryName("private/b"), content_of(300))
        assert [recount for recount in recounts.recount_all(mend=True) if recount.differs] == []

    @pytest.mark.parametrize("wrong", [0, 5, 10**12])
    def test_wrong_counters_are_mended_and_a_dry_run_only_tells(
        self, admin: httpx.Client, registry: httpx.Client, ports: Ports, recounts: RecountService, wrong: int
    ) -> None:
        push_image(registry, "private/a", "1")
        right = use_of(admin, "private")
        spoil(ports, storage_used=wrong, repo_count=7)
        for mend, use in ((False, wrong), (True, right)):
            (told,) = (one for one in recounts.recount_all(mend=mend) if one.differs)
            assert (told.project, told.stored, told.counted) == ("private", wrong, right)
            assert (told.repositories, told.counted_repositories) == (7, 1)
            assert use_of(admin, "private") == use
        assert admin.get("/projects/private/summary").json()["repo_count"] == 1
        assert not recounts.recount("private", mend=True).differs

    def test_missing_and_needless_charges_are_mended(
        self, admin: httpx.Client, registry: httpx.Client, ports: Ports, recounts: RecountService
    ) -> None:
        manifest = push_image(registry, "private/a", "1")
        push(registry, RepositoryName("public/a"), content_of(777, 9))
        right = use_of(admin, "private")
        with ports.db.write() as session:
            number = session.execute(sa.select(Project.id).where(Project.name == "private")).scalar_one()
            other = session.execute(sa.select(ProjectBlob.blob_id).where(ProjectBlob.project_id != number)).scalar_one()
            session.execute(sa.delete(ProjectBlob).where(ProjectBlob.project_id == number))
            session.execute(sa.insert(ProjectBlob).values(project_id=number, blob_id=other))
        told = recounts.recount("private", mend=True)
        assert (told.uncharged, told.overcharged, told.counted, told.stored) == (2, 1, right, right)
        assert not recounts.recount("private", mend=False).differs
        digest = digest_of(manifest)
        assert admin.delete(f"/projects/private/repositories/a/artifacts/{digest}").status_code == 200
        assert use_of(admin, "private") == 0

    def test_what_was_deleted_and_is_still_held_is_not_charged_again(
        self, admin: httpx.Client, registry: httpx.Client, recounts: RecountService
    ) -> None:
        push_image(registry, "private/a", "1")
        push(registry, RepositoryName("private/a"), EMPTY)
        admin.delete("/projects/private/repositories/a/artifacts/1")
        use = use_of(admin, "private")
        assert not recounts.recount("private", mend=True).differs
        assert use_of(admin, "private") == use

    def test_the_command_prints_what_differs(
        self, admin: httpx.Client, ports: Ports, environment: dict[str, str]
    ) -> None:
        admin.get("/projects/private").raise_for_status()
        spoil(ports, storage_used=9)
        line = (
            "private: 9 bytes stored, 0 counted; 0 repositories, 0 counted; "
            "0 blobs not charged, 0 charged without need\n"
        )
        assert command(environment, "private", "--dry-run") == line + "projects counted: 1, to be mended: 1\n"
        assert command(environment).startswith(line)
        assert command(environment, "private") == "projects counted: 1, mended: 0\n"

    def test_an_unknown_project_is_told(self, recounts: RecountService) -> None:
        with pytest.raises(ProjectUnknown):
            recounts.recount("none", mend=False)
