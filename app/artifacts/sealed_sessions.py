"""Upload sessions that hold nothing yet: all their facts are in their ids, under a keyed hash, and in no row."""

import base64
import hmac
import re
import secrets
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from app.context import Context
from app.core.digest import UPLOADABLE

LIFE: Final = timedelta(hours=1)
"""How long such a session waits for its first byte; what is known of its end is remembered at least as long."""
_FACTS: Final = struct.Struct(">10sIB")
"""Random bytes, the second since 1970 in which it began, and the number of its algorithm."""
_HASH_BYTES: Final = 12
_ID: Final = re.compile(r"[A-Za-z0-9_-]{36}", re.ASCII)
_PURPOSE: Final = "upload session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """What the id of a session says."""

    algorithm: str
    begun: datetime


def seal(ctx: Context, repository: str, algorithm: str) -> str:
    """The id, never used before, of a session of the caller in a repository."""
    begun = int(ctx.ports.clock.now().timestamp())
    facts = _FACTS.pack(secrets.token_bytes(10), begun, UPLOADABLE.index(algorithm))
    told = ctx.ports.keys.keyed_hash(_PURPOSE, *_bound(ctx, repository), facts.hex())
    return base64.urlsafe_b64encode(facts + _short(told)).decode()


def unseal(ctx: Context, repository: str, text: str) -> Unsealed | None:
    """What an id says that was sealed for the caller and the repository; None for any other, and when it is too old."""
    content = base64.urlsafe_b64decode(text) if is_id(text) else b""
    if len(content) != _FACTS.size + _HASH_BYTES:
        return None
    facts, told = content[: _FACTS.size], content[_FACTS.size :]
    rightly = ctx.ports.keys.keyed_hashes(_PURPOSE, *_bound(ctx, repository), facts.hex())
    if not any(hmac.compare_digest(told, _short(each)) for each in rightly):
        return None
    _, seconds, number = _FACTS.unpack(facts)
    begun = datetime.fromtimestamp(seconds, UTC)
    return Unsealed(algorithm=UPLOADABLE[number], begun=begun) if ctx.ports.clock.now() < begun + LIFE else None


def is_id(text: str) -> bool:
    """Whether a session could have this id."""
    return _ID.fullmatch(text) is not None


def _bound(ctx: Context, repository: str) -> tuple[str, str, str]:
    return repository, ctx.principal.kind, str(ctx.principal.id)


def _short(keyed_hash: str) -> bytes:
    return bytes.fromhex(keyed_hash)[:_HASH_BYTES]
