"""The quotas of projects as the management API shows them."""

from typing import Any

import httpx


def quota_of(admin: httpx.Client, project: str) -> dict[str, Any]:
    """The quota of a project, by its id."""
    number = admin.get(f"/projects/{project}").json()["project_id"]
    (shown,) = admin.get("/quotas", params={"reference": "project", "reference_id": str(number)}).json()
    assert shown["id"] == number
    return dict(shown)
