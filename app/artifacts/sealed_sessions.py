"""Upload sessions without bytes: they have no row, their ids hold all their facts, protected by a keyed hash."""

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
"""How long such a session accepts its first byte; the row of an ended session is kept at least as long."""
_FACTS: Final = struct.Struct(">10sIB")
"""Random bytes, the Unix time in seconds at which it began, and the position of its algorithm in ``UPLOADABLE``."""
_HASH_BYTES: Final = 12
_ID: Final = re.compile(r"[A-Za-z0-9_-]{36}", re.ASCII)
_PURPOSE: Final = "upload session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsealed:
    """The facts in the id of a session."""

    algorithm: str
    begun: datetime


def seal(ctx: Context, repository: str, algorithm: str) -> str:
    """Return a new id for a session of the caller in a repository."""
    begun = int(ctx.ports.clock.now().timestamp())
    facts = _FACTS.pack(secrets.token_bytes(10), begun, UPLOADABLE.index(algorithm))
    keyed_hash = ctx.ports.keys.keyed_hash(_PURPOSE, *_owner(ctx, repository), facts.hex())
    return base64.urlsafe_b64encode(facts + _short(keyed_hash)).decode()


def unseal_or_none(ctx: Context, repository: str, text: str) -> Unsealed | None:
    """Return the facts in an id that ``seal`` made for the caller and the repository.

    Return None for any other id, and for one older than ``LIFE``.
    """
    content = base64.urlsafe_b64decode(text) if is_id(text) else b""
    if len(content) != _FACTS.size + _HASH_BYTES:
        return None
    facts, hash_in_id = content[: _FACTS.size], content[_FACTS.size :]
    valid_hashes = ctx.ports.keys.keyed_hashes(_PURPOSE, *_owner(ctx, repository), facts.hex())
    if not any(hmac.compare_digest(hash_in_id, _short(keyed_hash)) for keyed_hash in valid_hashes):
        return None
    _, seconds, number = _FACTS.unpack(facts)
    begun = datetime.fromtimestamp(seconds, UTC)
    return Unsealed(algorithm=UPLOADABLE[number], begun=begun) if ctx.ports.clock.now() < begun + LIFE else None


def is_id(text: str) -> bool:
    """Tell whether the text has the form of a session's id."""
    return _ID.fullmatch(text) is not None


def _owner(ctx: Context, repository: str) -> tuple[str, str, str]:
    return repository, ctx.principal.kind, str(ctx.principal.id)


def _short(keyed_hash: str) -> bytes:
    return bytes.fromhex(keyed_hash)[:_HASH_BYTES]
