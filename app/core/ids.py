"""Random identifiers for stored objects, upload sessions and workflows."""

import secrets

_VARIANT = "89ab"


def object_key() -> str:
    """Return a new storage key: 32 random hex digits under two fan-out folders, ``ab/cd/abcd…``."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name[2:4]}/{name}"


def session_id() -> str:
    """Return a version 4 UUID as text, for upload sessions and jobs."""
    digits = secrets.token_hex(16)
    variant = _VARIANT[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def suffix() -> str:
    """Return eight random hex digits that make a workflow id unique."""
    return secrets.token_hex(4)
