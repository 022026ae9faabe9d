"""What the tests ask a repository and the tables about content."""

import httpx
import sqlalchemy as sa

from app.context import Context
from app.projects.models import Project

NAME = "library-test/app"


def pull(client: httpx.Client, reference: str, name: str = NAME, **headers: str) -> httpx.Response:
    return client.get(f"/v2/{name}/manifests/{reference}", headers=headers)


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def counters(ctx: Context) -> tuple[int, int]:
    with ctx.read() as session:
        row = session.execute(
            sa.select(Project.storage_used, Project.repo_count).where(Project.name == "library-test")
        ).one()
    return row.storage_used, row.repo_count


def count(ctx: Context, model: type) -> int:
    with ctx.read() as session:
        return session.execute(sa.select(sa.func.count()).select_from(model)).scalar_one()
