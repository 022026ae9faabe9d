"""The numbers of projects and repositories, by caller."""

import httpx
import pytest

from tests.integration.conftest import Caller
from tests.support.manifests import push_image

NONE = {"total_project_count": 0, "total_repo_count": 0, "total_storage_consumption": 0}


def numbers(private: tuple[int, int], public: tuple[int, int]) -> dict[str, int]:
    return {
        "private_project_count": private[0],
        "private_repo_count": private[1],
        "public_project_count": public[0],
        "public_repo_count": public[1],
    }


@pytest.mark.parametrize(
    ("name", "private"), [("stranger", (0, 0)), ("limited", (1, 2)), ("master", (1, 2)), ("admin", (1, 2))]
)
def test_by_caller(caller: Caller, registry: httpx.Client, name: str, private: tuple[int, int]) -> None:
    for seed, place in enumerate(("private/app", "private/other", "public/app")):
        push_image(registry, place, "1", seed=seed)
    answer = caller(name).get("/statistics").json()
    stored = answer["total_storage_consumption"]
    totals = {"total_project_count": 2, "total_repo_count": 3, "total_storage_consumption": stored}
    assert answer == numbers(private, (1, 1)) | (totals if name == "admin" else NONE)
    assert (stored > 0) == (name == "admin")
    assert caller(None).get("/statistics").status_code == 401
