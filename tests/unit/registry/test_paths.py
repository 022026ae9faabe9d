"""How a path below ``/v2`` is read."""

import pytest

from app.core.errors import NotFoundError
from app.registry.gateway import split


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v2/a/b/manifests/latest", ("manifests", "a/b", "latest")),
        ("/v2/a/b/tags/list", ("tags", "a/b", "")),
        ("/v2/a/b/referrers/sha256:0", ("referrers", "a/b", "sha256:0")),
        ("/v2/a/b/blobs/sha256:0", ("blobs", "a/b", "sha256:0")),
        ("/v2/a/b/blobs/uploads", ("uploads", "a/b", "")),
        ("/v2/a/b/blobs/uploads/", ("uploads", "a/b", "")),
        ("/v2/a/b/blobs/uploads/id", ("upload", "a/b", "id")),
        ("/v2/a/blobs/uploads/manifests/tag", ("manifests", "a/blobs/uploads", "tag")),
        ("/v2/a/manifests/tags/list", ("tags", "a/manifests", "")),
        ("/v2/a/tags/blobs/uploads/", ("uploads", "a/tags", "")),
    ],
)
def test_paths_are_read_from_the_right(path: str, expected: tuple[str, str, str]) -> None:
    assert split(path) == expected


@pytest.mark.parametrize(
    "path", ["/v2/x", "/v2/a/b", "/v2/a/b/manifests/", "/v2/a/b/tags/all", "/v2/a/uploads/x", "/v2//"]
)
def test_other_paths_lead_nowhere(path: str) -> None:
    with pytest.raises(NotFoundError):
        split(path)
