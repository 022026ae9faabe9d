"""Models through the management API: their texts and files."""

import json

import httpx
import pytest

from tests.integration.conftest import Caller
from tests.support.archives import packed, tar
from tests.support.people import People
from tests.support.typed_artifacts import PLACE, addition, layer, links, pushed, shown, statuses

MODEL = "application/vnd.cncf.model."
JSON = "application/json; charset=utf-8"
MARKDOWN = "text/markdown; charset=utf-8"
PLAIN = "text/plain; charset=utf-8"


@pytest.fixture
def docker(client: httpx.Client, people: People) -> httpx.Client:
    """The administrator's client of the registry."""
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    return client


def test_a_model_shows_its_texts_and_files(admin: httpx.Client, docker: httpx.Client) -> None:
    config = {"descriptor": {"name": "tiny"}, "config": {"paramSize": "8b"}}
    readme = layer(
        docker,
        tar({"README.md": b"# Tiny"}),
        MODEL + "doc.v1.tar",
        annotations={"org.cncf.model.filepath": "README.md"},
    )
    licence = layer(docker, b"Free", MODEL + "doc.v1.raw", annotations={"org.cncf.model.filepath": "LICENSE"})
    weights = layer(docker, b"123", MODEL + "weight.v1.raw", annotations={"org.cncf.model.filepath": "w/a.bin"})
    content = json.dumps(config).encode()
    pushed(
        docker, content, MODEL + "config.v1+json", [readme, licence, weights], artifactType=MODEL + "manifest.v1+json"
    )
    assert (shown(admin)["type"], shown(admin)["extra_attrs"]) == ("CNAI", config)
    answers = [addition(admin, name) for name in ("readme.md", "license", "files")]
    assert [answer.headers["Content-Type"] for answer in answers] == [MARKDOWN, PLAIN, JSON]
    assert [answer.text for answer in answers[:2]] == ["# Tiny", "Free"]
    weight = {"name": "a.bin", "type": "file", "size": 3}
    assert answers[2].json() == [
        {"name": "w", "type": "directory", "children": [weight]},
        {"name": "LICENSE", "type": "file", "size": 4},
        {"name": "README.md", "type": "file", "size": readme["size"]},
    ]
    assert links(admin).keys() == {"readme.md", "license", "files"}
    assert statuses(admin, "build_history", "values.yaml", "sbom") == [400, 400, 400]


def test_a_model_without_texts_or_with_unreadable_ones(admin: httpx.Client, docker: httpx.Client) -> None:
    content = layer(docker, b"no archive", MODEL + "doc.v1.tar", annotations={"org.cncf.model.filepath": "README"})
    bomb = layer(
        docker,
        packed(bytes(20 * 1024 * 1024)),
        MODEL + "doc.v1.tar+gzip",
        annotations={"org.cncf.model.filepath": "LICENSE"},
    )
    pushed(docker, b"{}", MODEL + "config.v1+json", [content, bomb])
    assert statuses(admin, "readme.md", "license") == [404, 404]
    large = layer(docker, bytes(5 * 2**20), MODEL + "doc.v1.raw", annotations={"org.cncf.model.filepath": "README"})
    pushed(docker, b"{}", MODEL + "config.v1+json", [large])
    assert statuses(admin, "readme.md", "license") == [413, 404]


def test_content_is_never_run_by_a_browser(caller: Caller, docker: httpx.Client) -> None:
    text = layer(docker, b"<script>", MODEL + "doc.v1.raw", annotations={"org.cncf.model.filepath": "README.md"})
    pushed(docker, b"{}", MODEL + "config.v1+json", [text])
    answer = addition(caller("limited"), "readme.md")
    assert (answer.content, answer.headers["X-Content-Type-Options"]) == (b"<script>", "nosniff")
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    known = {"If-None-Match": answer.headers["ETag"]}
    assert caller("limited").get(f"{PLACE}/1/additions/readme.md", headers=known).status_code == 304
