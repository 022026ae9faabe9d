"""Running digests with a state that can be saved, so that another process resumes them without reading the content.

libcrypto keeps a running SHA-2 in a small flat structure, which is saved by copying its bytes. Where the library does
not offer that, hashlib computes the digest, and the content must be read again to resume. It must be read again after
a reboot, too: a power cut may have lost bytes that were counted, and left zeros in their place.
"""

import _hashlib
import ctypes
import ctypes.util
import functools
import hashlib
import struct
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from app.core.digest import Digest

_PROBE = b"PyHarbor proves its running hashes before it trusts them. " * 11
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CUTS = (0, 1, 63, 64, 65, 127, 128, 129, 300, len(_PROBE))


class RunningHash(Protocol):
    """A digest that is being computed."""

    algorithm: str

    def update(self, data: memoryview) -> None:
        """Add the next bytes, which are contiguous; for large ones the interpreter lock is released."""
        ...

    def digest(self) -> Digest:
        """Return the digest of all bytes so far; more may follow."""
        ...

    def state(self) -> bytes | None:
        """Return the state that ``resume_or_none`` continues from; None when the hash cannot be saved."""
        ...


def start(algorithm: str) -> RunningHash:
    """Start a digest with an uploadable algorithm."""
    layout = _LAYOUTS.get(algorithm)
    functions = layout and _functions_or_none(layout)
    return _NativeHash(layout, functions) if layout and functions else _PlainHash(algorithm)


def resume_or_none(algorithm: str, state: bytes | None, offset: int) -> RunningHash | None:
    """Return the digest resumed from a state saved at ``offset`` bytes; None when the content must be read again."""
    if offset == 0:
        return start(algorithm)
    layout = _LAYOUTS.get(algorithm)
    functions = layout and _functions_or_none(layout)
    context = _context_or_none(state)
    if context is None or not layout or not functions or not layout.fits(context, offset):
        return None
    return _NativeHash(layout, functions, context)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """libcrypto's SHA256_CTX or SHA512_CTX: eight words, the bit count in two, one block, bytes in it, digest size."""

    algorithm: str
    prefix: str
    word: str
    block: int
    digest_size: int

    @property
    def format(self) -> str:
        return f"=8{self.word}2{self.word}{self.block}s2I"

    @property
    def size(self) -> int:
        return struct.calcsize(self.format)

    def fits(self, state: bytes, offset: int) -> bool:
        """Tell whether the bytes are a state at ``offset``; the fields are checked, as the C code trusts them."""
        if len(state) != self.size:
            return False
        low, high, _, held, digest_size = struct.unpack(self.format, state)[8:]
        bits = high << (8 * struct.calcsize(f"={self.word}")) | low
        return (bits, held, digest_size) == (offset * 8, offset % self.block, self.digest_size)


@dataclass(frozen=True, slots=True)
class _Functions:
    init: "ctypes._NamedFuncPointer"
    update: "ctypes._NamedFuncPointer"
    final: "ctypes._NamedFuncPointer"


_LAYOUTS = {
    "sha256": _Layout(algorithm="sha256", prefix="SHA256", word="I", block=64, digest_size=32),
    "sha512": _Layout(algorithm="sha512", prefix="SHA512", word="Q", block=128, digest_size=64),
}


class _NativeHash:
    """A running hash of libcrypto; its calls release the interpreter lock."""

    def __init__(self, layout: _Layout, functions: _Functions, context: bytes | None = None) -> None:
        self.algorithm = layout.algorithm
        self._layout = layout
        self._functions = functions
        self._context = ctypes.create_string_buffer(context or b"", layout.size)
        if context is None:
            functions.init(self._context)

    @property
    def context(self) -> bytes:
        """Return libcrypto's structure, which is the state after all bytes so far."""
        return self._context.raw

    def update(self, data: memoryview) -> None:
        if data.readonly:
            self._functions.update(self._context, bytes(data), len(data))
        elif data:
            self._functions.update(self._context, ctypes.addressof(ctypes.c_char.from_buffer(data)), len(data))

    def digest(self) -> Digest:
        context = ctypes.create_string_buffer(self.context, self._layout.size)
        result = ctypes.create_string_buffer(self._layout.digest_size)
        self._functions.final(result, context)
        return Digest(f"{self.algorithm}:{result.raw.hex()}")

    def state(self) -> bytes | None:
        boot_id = _boot_id_or_none()
        return boot_id and boot_id + self.context


class _PlainHash:
    """A running hash of hashlib, which cannot be saved."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._hash = hashlib.new(algorithm)

    def update(self, data: memoryview) -> None:
        self._hash.update(data)

    def digest(self) -> Digest:
        return Digest(f"{self.algorithm}:{self._hash.hexdigest()}")

    def state(self) -> bytes | None:
        return None


def _context_or_none(state: bytes | None) -> bytes | None:
    """Return the libcrypto structure in a saved state; None when it was saved before a reboot or on another machine."""
    boot_id = _boot_id_or_none()
    return state[len(boot_id) :] if boot_id and state and state.startswith(boot_id) else None


@functools.cache
def _boot_id_or_none() -> bytes | None:
    """Return the id that the kernel took at this boot, which no other boot or machine has; None where there is none."""
    try:
        return uuid.UUID(_BOOT_ID.read_text(encoding="ascii").strip()).bytes
    except (OSError, ValueError):
        return None


@functools.cache
def _functions_or_none(layout: _Layout) -> _Functions | None:
    """Return the functions of the first library that has them and resumes saved hashes correctly; None without one."""
    for library in _libraries():
        try:
            functions = _Functions(*(_function(library, layout, name) for name in ("Init", "Update", "Final")))
        except AttributeError:
            continue
        if _proven(layout, functions):
            return functions
    return None


def _libraries() -> Iterator[ctypes.CDLL]:
    yield ctypes.CDLL(_hashlib.__file__)
    path = ctypes.util.find_library("crypto")
    if path:
        yield ctypes.CDLL(path)


def _function(library: ctypes.CDLL, layout: _Layout, name: str) -> "ctypes._NamedFuncPointer":
    function = library[f"{layout.prefix}_{name}"]
    function.restype = ctypes.c_int
    function.argtypes = {
        "Init": (ctypes.c_void_p,),
        "Update": (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
        "Final": (ctypes.c_char_p, ctypes.c_void_p),
    }[name]
    return function


def _proven(layout: _Layout, functions: _Functions) -> bool:
    expected = Digest.of(_PROBE, layout.algorithm)
    for cut in _CUTS:
        first = _NativeHash(layout, functions)
        first.update(memoryview(bytearray(_PROBE[:cut])))
        context = first.context
        if not layout.fits(context, cut):
            return False
        second = _NativeHash(layout, functions, context)
        second.update(memoryview(_PROBE[cut:]))
        if second.digest() != expected:
            return False
    return True
