"""Small blobs read whole, for what is inside them."""

import sqlalchemy as sa
import structlog

from app.artifacts.models import Repository, RepositoryBlob
from app.context import Context
from app.core.errors import DomainError
from app.storage.models import IS_LIVE, Blob


def read_blob(ctx: Context, repository: str, digest: str, limit: int) -> bytes | None:
    """Return the bytes of a blob that the repository holds; None for an absent, unreadable or larger one."""
    rows = ctx.ports.db.rows(_BLOB, {"repository": repository, "digest": digest})
    if not rows or rows[0].size > limit:
        return None
    try:
        with ctx.ports.storage.open(rows[0].key) as content:
            return content.read(limit)
    except (DomainError, OSError) as error:
        structlog.get_logger().warning("blob not read", digest=digest, error=str(error))
        return None


_BLOB = (
    sa.select(Blob.key, Blob.size)
    .join(RepositoryBlob, RepositoryBlob.blob_id == Blob.id)
    .join(Repository, Repository.id == RepositoryBlob.repository_id)
    .where(
        Repository.name == sa.bindparam("repository"),
        Blob.digest == sa.bindparam("digest"),
        IS_LIVE,
    )
)
