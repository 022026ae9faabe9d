"""Entries of an index that are attestations, not images."""

import pytest

from app.oci.attestations import attested_or_none

PLATFORM = {"os": "unknown", "architecture": "unknown"}
ABOUT = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": "sha256:1"}


def test_an_attestation_names_its_image() -> None:
    assert attested_or_none(PLATFORM, ABOUT) == "sha256:1"


@pytest.mark.parametrize(
    ("platform", "annotations"),
    [
        (None, ABOUT),
        (PLATFORM, None),
        (PLATFORM, {"vnd.docker.reference.digest": "sha256:1"}),
        (PLATFORM, ABOUT | {"vnd.docker.reference.type": "other"}),
        (PLATFORM | {"os": "linux"}, ABOUT),
        (PLATFORM | {"architecture": 5}, ABOUT),
        (PLATFORM, {"vnd.docker.reference.type": "attestation-manifest"}),
    ],
)
def test_other_entries_are_none(platform: dict[str, object] | None, annotations: dict[str, str] | None) -> None:
    assert attested_or_none(platform, annotations) is None
