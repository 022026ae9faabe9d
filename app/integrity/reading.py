"""Reading one stored blob to its end at a limited rate, in several steps when it takes long."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from app.artifacts.quarantine import StoredCopy
from app.context import Context
from app.core.digest import Digest
from app.core.errors import ContentDamaged, DomainError, NotFoundError
from app.integrity.plan import Partial
from app.storage import hash_state

_BLOCK_BYTES: Final = 1024 * 1024
_BLOCKS_PER_SECOND: Final = 4
_NAP_SECONDS: Final = 0.5


class Pace:
    """Limits reading to ``rate`` bytes per second, until ``seconds`` have passed or ``go_on`` returns False."""

    def __init__(self, rate: int, go_on: Callable[[], bool], seconds: float) -> None:
        self._rate = rate
        self._go_on = go_on
        self._next = time.monotonic()
        self._end = self._next + seconds
        self.block = min(_BLOCK_BYTES, rate // _BLOCKS_PER_SECOND)

    @property
    def over(self) -> bool:
        """Whether the time is up or ``go_on`` returns False."""
        return time.monotonic() >= self._end or not self._go_on()

    def spend(self, count: int) -> bool:
        """Wait as long as ``count`` bytes take at the rate; return False when no more may be read."""
        self._next = max(self._next, time.monotonic()) + count / self._rate
        while (left := self._next - time.monotonic()) > 0 and self._go_on():
            time.sleep(min(left, _NAP_SECONDS))
        return self._go_on()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The result of reading a blob: sound, ``damage`` with details, or ``trouble``, a failure that proves no damage."""

    damage: dict[str, Any] | None = None
    trouble: str = ""
    read: int = 0
    """The bytes of a copy that was read to its end."""
    missing: bool = False
    """Whether the storage has no such object, for whatever reason."""

    @property
    def sound(self) -> bool:
        """Whether the copy has neither damage nor trouble."""
        return self.damage is None and not self.trouble


def read(ctx: Context, copy: StoredCopy, begun: Partial | None, pace: Pace) -> Finding | Partial:
    """Read the object to its end and compare length and digest; return a Partial when ``pace`` ended it before."""
    try:
        return _read(ctx, copy, begun, pace)
    except NotFoundError:
        return Finding(damage={"stored": None, "expected": copy.size}, missing=True)
    except ContentDamaged as error:
        return Finding(damage=error.detail if isinstance(error.detail, dict) else {})
    except (DomainError, OSError) as error:
        return Finding(trouble=str(error))


def _read(ctx: Context, copy: StoredCopy, begun: Partial | None, pace: Pace) -> Finding | Partial:
    algorithm = Digest.parse(copy.digest).algorithm
    offset = begun.offset if begun and (begun.blob_id, begun.key) == (copy.id, copy.key) else 0
    running = hash_state.resume_or_none(algorithm, bytes.fromhex(begun.state) if begun and offset else None, offset)
    if running is None:
        running, offset = hash_state.start(algorithm), 0
    view = memoryview(bytearray(pace.block))
    with ctx.ports.storage.open_whole(copy.key, copy.size, offset) as stream:
        while count := stream.readinto(view):  # type: ignore[attr-defined]  # every driver's stream has it
            running.update(view[:count])
            offset += count
            ended = not pace.spend(count)
            state = running.state() if ended or pace.over else None
            if ended or state is not None:
                return Partial(
                    blob_id=copy.id, key=copy.key, offset=offset if state else 0, state=state.hex() if state else ""
                )
    actual = running.digest()
    if actual == copy.digest:
        return Finding(read=offset)
    return Finding(damage={"stored": offset, "expected": copy.size, "actual": actual}, read=offset)
