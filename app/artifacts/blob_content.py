"""Reading of small blobs, such as configs and signatures, whole and verified."""

import structlog

from app.artifacts import reachability
from app.artifacts.quarantine import StoredCopy, is_lost, open_copy, quarantine
from app.context import Context
from app.core.digest import Digest
from app.core.errors import BlobUnknown, DomainError, NotFoundError, TooLarge
from app.storage.models import IS_QUARANTINED, Blob


def read_blob(ctx: Context, repository: str, digest: str, limit: int) -> bytes:
    """Return the bytes of a blob that the repository holds.

    A blob whose bytes have another digest, or are lost, is quarantined. Raise BlobUnknown when the repository does not
    hold the blob, it is quarantined, or it cannot be read; TooLarge when it has more than ``limit`` bytes.
    """
    rows = ctx.prepared_rows(_BLOB, {"name": repository, "digest": digest})
    if not rows:
        raise BlobUnknown(detail={"digest": digest})
    if rows[0].size > limit:
        raise TooLarge(f"blob {digest} has more than {limit} bytes")
    copy = StoredCopy(id=rows[0].id, digest=digest, key=rows[0].key, size=rows[0].size)
    try:
        with open_copy(ctx, copy) as stream:
            content = stream.read(copy.size)
    except (DomainError, OSError) as error:
        structlog.get_logger().warning("blob not read", digest=digest, error=str(error))
        if isinstance(error, NotFoundError) and is_lost(ctx, copy):
            quarantine(ctx, copy, {"stored": None, "expected": copy.size})
        raise BlobUnknown(detail={"digest": digest}) from error
    actual = Digest.of(content, Digest.parse(digest).algorithm)
    if actual != digest:
        quarantine(ctx, copy, {"stored": len(content), "expected": copy.size, "actual": actual})
        raise BlobUnknown(detail={"digest": digest})
    return content


_BLOB = reachability.held_under(Blob.id, Blob.key, Blob.size).where(~IS_QUARANTINED)
