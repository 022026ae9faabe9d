"""The search for artifacts by digest and tag, and for charts, when they are asked for."""

import httpx
import sqlalchemy as sa

from app.artifacts.models import Artifact, Repository
from app.context import Ports
from tests.integration.conftest import AsRobot, Caller
from tests.integration.test_search import EVERYTHING, fill, found
from tests.support.blobs import digest_of
from tests.support.manifests import push_image
from tests.support.robots import entry, make_robot


class TestArtifacts:
    """By digest and tag, when they are asked for."""

    def test_by_digest_and_tag(self, admin: httpx.Client, anonymous: httpx.Client, registry: httpx.Client) -> None:
        digest = digest_of(push_image(registry, "public/app", "V1.0-rc"))
        assert "artifact" not in found(admin, digest)
        (one,) = found(admin, digest, **EVERYTHING)["artifact"]
        shown = admin.get("/projects/public/repositories/app/artifacts/V1.0-rc").json()
        assert one == {
            "id": shown["id"],
            "digest": digest,
            "type": "IMAGE",
            "size": shown["size"],
            "push_time": shown["push_time"],
            "repository_name": "public/app",
            "project_id": shown["project_id"],
            "project_name": "public",
            "project_public": True,
        }
        for text in (digest[:20], digest[7:], digest[7:14], digest.upper()):
            assert found(anonymous, text, **EVERYTHING)["artifact"] == [one]
        for text in ("V1.0-rc", "V1.0", "app:V1.0-rc", "public/app:V1", "PP:V1"):
            assert found(anonymous, text, **EVERYTHING)["artifact"] == [one | {"tag": "V1.0-rc"}], text
        for text in ("v1.0-rc", "other:V1.0-rc", digest[7:13], "1.0-rc", ":", "app:", ":V1.0-rc"):
            assert found(anonymous, text, **EVERYTHING)["artifact"] == [], text

    def test_a_tag_in_one_of_many_repositories(
        self, admin: httpx.Client, anonymous: httpx.Client, ports: Ports, registry: httpx.Client
    ) -> None:
        fill(ports, "public", [f"app-{number:03}" for number in range(200)])
        push_image(registry, "public/my-app", "rare")
        for client in (admin, anonymous):
            (one,) = found(client, "app:rare", **EVERYTHING)["artifact"]
            assert one["repository_name"] == "public/my-app"

    def test_by_rights(self, caller: Caller, admin: httpx.Client, as_robot: AsRobot, registry: httpx.Client) -> None:
        digest = digest_of(push_image(registry, "private/app", "only-here"))
        for name, count in ((None, 0), ("stranger", 0), ("limited", 1), ("developer", 1), ("admin", 1)):
            for text in (digest, "only-here", "app:only"):
                assert len(found(caller(name), text, **EVERYTHING)["artifact"]) == count, (name, text)
        for right, count in (("artifact:list", 1), ("log:list", 0)):
            robot = as_robot(make_robot(admin, right.partition(":")[0], entry("private", right)))
            assert len(found(robot, digest, **EVERYTHING)["artifact"]) == count

    def test_charts(self, admin: httpx.Client, ports: Ports, registry: httpx.Client) -> None:
        push_image(registry, "public/chart", "1")
        push_image(registry, "public/chart-image", "1", seed=2)
        facts = {"name": "chart", "version": "1.2.3", "appVersion": "7"}
        own = sa.select(Repository.id).where(Repository.name == "public/chart").scalar_subquery()
        with ports.db.write() as session:
            chart = sa.update(Artifact).where(Artifact.repository_id == own)
            session.execute(
                chart.values(kind="CHART", extra_attrs=facts), execution_options={"synchronize_session": False}
            )
        assert found(admin, "chart", **EVERYTHING)["chart"] == [{"Name": "public/chart", "Score": 0, "Chart": facts}]
