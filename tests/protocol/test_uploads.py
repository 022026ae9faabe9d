"""Upload sessions through the front door: the three client shapes, mounts, and the rows they leave."""

from itertools import pairwise

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.access.roles import Role
from app.artifacts.models import ProjectBlob, Repository, RepositoryBlob
from app.context import Context, Ports
from app.projects.models import Project
from app.storage.models import Blob, Upload, ZeroReference
from tests.protocol.conftest import Connect
from tests.support.accounts import make_project, make_user
from tests.support.blobs import begin, content_of, digest_of, push

NAME = "library-test/app"


class TestShapes:
    def test_streamed_patch_then_empty_put(self, pusher: httpx.Client) -> None:
        content = content_of(700_000)
        location = begin(pusher, NAME)
        patched = pusher.patch(location, content=content)
        assert (patched.status_code, patched.headers["Range"]) == (202, "0-699999")
        assert patched.headers["Location"] == location
        done = pusher.put(location, params={"digest": digest_of(content)})
        assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest_of(content))
        assert pusher.get(done.headers["Location"]).content == content

    def test_monolithic_put(self, pusher: httpx.Client) -> None:
        content = content_of(1000)
        digest = push(pusher, NAME, content)
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == content

    def test_monolithic_post(self, pusher: httpx.Client) -> None:
        content = content_of(1000)
        done = pusher.post(f"/v2/{NAME}/blobs/uploads", params={"digest": digest_of(content)}, content=content)
        assert (done.status_code, done.headers["Location"]) == (201, f"/v2/{NAME}/blobs/{digest_of(content)}")

    def test_post_with_digest_and_no_body_asks_for_a_put(self, pusher: httpx.Client) -> None:
        started = pusher.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": digest_of(b"x")})
        assert (started.status_code, started.headers["Range"]) == (202, "0-0")

    @pytest.mark.parametrize("last_in_put", [True, False])
    def test_parts_with_content_range(self, pusher: httpx.Client, last_in_put: bool) -> None:
        content = content_of(3000)
        location = begin(pusher, NAME)
        cuts = [(0, 1000), (1000, 2000)] if last_in_put else [(0, 1000), (1000, 2000), (2000, 3000)]
        for start, stop in cuts:
            part = pusher.patch(location, content=content[start:stop], headers={"Content-Range": f"{start}-{stop - 1}"})
            assert (part.status_code, part.headers["Range"]) == (202, f"0-{stop - 1}")
        status = pusher.get(location)
        assert (status.status_code, status.headers["Range"]) == (204, f"0-{cuts[-1][1] - 1}")
        last, headers = (content[2000:], {"Content-Range": "bytes 2000-2999/*"}) if last_in_put else (b"", {})
        done = pusher.put(location, params={"digest": digest_of(content)}, content=last, headers=headers)
        assert done.status_code == 201
        assert pusher.get(f"/v2/{NAME}/blobs/{digest_of(content)}").content == content

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_empty_blob_in_every_shape(self, pusher: httpx.Client, algorithm: str) -> None:
        digest = digest_of(b"", algorithm)
        assert pusher.put(begin(pusher, NAME), params={"digest": digest}).status_code == 201
        assert pusher.post(f"/v2/{NAME}/blobs/uploads/", params={"digest": digest}).status_code == 201
        location = begin(pusher, NAME)
        assert pusher.patch(location, content=b"").headers["Range"] == "0-0"
        assert pusher.put(location, params={"digest": digest}).status_code == 201
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == b""

    @pytest.mark.parametrize("announced", [True, False])
    @pytest.mark.parametrize("shape", ["streamed", "monolithic", "split"])
    def test_sha512_announced_or_not(self, pusher: httpx.Client, announced: bool, shape: str) -> None:
        content, digest = content_of(300_000), digest_of(content_of(300_000), "sha512")
        location = begin(pusher, NAME, **({"digest-algorithm": "sha512"} if announced else {}))
        cut = {"streamed": len(content), "monolithic": 0, "split": 100_001}[shape]
        if cut:
            assert pusher.patch(location, content=content[:cut]).status_code == 202
        done = pusher.put(location, params={"digest": digest}, content=content[cut:])
        assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest)
        assert pusher.head(f"/v2/{NAME}/blobs/{digest}").headers["Docker-Content-Digest"] == digest

    def test_sha256_after_sha512_was_announced(self, pusher: httpx.Client) -> None:
        content = content_of(1000)
        location = begin(pusher, NAME, **{"digest-algorithm": "sha512"})
        pusher.patch(location, content=content)
        assert pusher.put(location, params={"digest": digest_of(content)}).status_code == 201

    @settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        cuts=st.lists(st.integers(0, 5000), max_size=6),
        in_put=st.booleans(),
        algorithm=st.sampled_from(["sha256", "sha512"]),
    )
    def test_any_chunking_gives_the_same_blob(
        self, pusher: httpx.Client, cuts: list[int], in_put: bool, algorithm: str
    ) -> None:
        content = content_of(5000, len(cuts))
        edges = [0, *sorted(cuts), 5000]
        parts = [content[start:stop] for start, stop in pairwise(edges)]
        last = parts.pop() if in_put else b""
        location = begin(pusher, NAME)
        for part in parts:
            assert pusher.patch(location, content=part).status_code == 202
        digest = digest_of(content, algorithm)
        assert pusher.put(location, params={"digest": digest}, content=last).status_code == 201
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == content


class TestRows:
    def test_what_a_commit_writes(self, pusher: httpx.Client, ctx: Context) -> None:
        push(pusher, NAME, b"hello")
        with ctx.read() as session:
            blob = session.scalars(sa.select(Blob)).one()
            repository = session.scalars(sa.select(Repository)).one()
            assert (repository.name, repository.published) == (NAME, False)
            assert session.scalars(sa.select(RepositoryBlob.blob_id)).all() == [blob.id]
            assert session.scalars(sa.select(ProjectBlob.blob_id)).all() == [blob.id]
            assert session.execute(sa.select(ZeroReference.repository_id, ZeroReference.blob_id)).all() == [
                (repository.id, blob.id)
            ]
            assert session.scalar(sa.select(Project.storage_used).where(Project.id == repository.project_id)) == 5
            assert session.scalar(sa.select(Upload.digest)) == digest_of(b"hello")

    def test_the_loser_of_two_equal_uploads_leaves_no_bytes(self, pusher: httpx.Client, ports: Ports) -> None:
        push(pusher, NAME, b"same")
        push(pusher, "library-test/other", b"same")
        with ports.db.read() as session:
            keys = set(session.scalars(sa.select(Upload.key)))
            (live,) = session.scalars(sa.select(Blob.key))
            assert session.scalar(sa.select(Project.storage_used).where(Project.name == "library-test")) == 4
        assert [ports.storage.delete(key) for key in keys - {live}] == [False]
        assert pusher.get(f"/v2/library-test/other/blobs/{digest_of(b'same')}").content == b"same"

    def test_a_blob_that_is_being_deleted_is_pushed_anew(self, pusher: httpx.Client, ctx: Context) -> None:
        digest = push(pusher, NAME, b"phoenix")
        with ctx.write() as session:
            session.execute(sa.update(Blob).values(state="deleting"))
        assert pusher.head(f"/v2/{NAME}/blobs/{digest}").status_code == 404
        push(pusher, NAME, b"phoenix")
        assert pusher.get(f"/v2/{NAME}/blobs/{digest}").content == b"phoenix"


class TestMounts:
    def mount(self, client: httpx.Client, digest: str, source: str | None) -> httpx.Response:
        query = {"mount": digest} | ({"from": source} if source else {})
        return client.post("/v2/library-test/target/blobs/uploads/", params=query)

    @pytest.mark.parametrize("source", [NAME, None])
    def test_from_a_readable_repository(self, pusher: httpx.Client, ctx: Context, source: str | None) -> None:
        digest = push(pusher, NAME, b"shared")
        done = self.mount(pusher, digest, source)
        assert (done.status_code, done.headers["Docker-Content-Digest"]) == (201, digest)
        assert pusher.get(done.headers["Location"]).content == b"shared"
        with ctx.read() as session:
            assert session.scalar(sa.select(Project.storage_used).where(Project.name == "library-test")) == 6

    @pytest.mark.parametrize("source", ["secret/app", None])
    def test_not_from_one_that_the_caller_may_not_read(
        self, pusher: httpx.Client, ports: Ports, connect: Connect, source: str | None
    ) -> None:
        other = make_user(ports, "other")
        make_project(ports, "secret", members={other: Role.DEVELOPER})
        digest = push(connect(other), "secret/app", b"hidden")
        answer = self.mount(pusher, digest, source)
        assert (answer.status_code, answer.headers["Range"]) == (202, "0-0")
        assert pusher.head(f"/v2/library-test/target/blobs/{digest}").status_code == 404

    def test_from_another_public_project(self, pusher: httpx.Client, ports: Ports, connect: Connect) -> None:
        other = make_user(ports, "other")
        make_project(ports, "open", public=True, members={other: Role.DEVELOPER})
        digest = push(connect(other), "open/app", b"open")
        assert self.mount(pusher, digest, "open/app").status_code == 201

    @pytest.mark.parametrize(
        ("digest", "source"),
        [
            (digest_of(b"absent"), NAME),
            (digest_of(b"absent"), None),
            ("sha256:short", NAME),
            (digest_of(b"x"), "Not/A Name"),
        ],
    )
    def test_what_cannot_be_mounted_starts_a_session(
        self, pusher: httpx.Client, digest: str, source: str | None
    ) -> None:
        answer = self.mount(pusher, digest, source)
        assert answer.status_code == 202
        assert (
            pusher.put(answer.headers["Location"], params={"digest": digest_of(b"x")}, content=b"x").status_code == 201
        )
