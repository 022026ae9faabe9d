"""Random identifiers for stored objects, upload sessions and workflows."""

import secrets
import uuid


def object_key() -> str:
    """Return a new storage key: 32 random hex digits under two fan-out folders, ``ab/cd/abcd…``."""
    name = secrets.token_hex(16)
    return f"{name[:2]}/{name[2:4]}/{name}"


def session_id() -> str:
    """Return a version 4 UUID as text, for upload sessions and jobs."""
    return str(uuid.uuid4())


def suffix() -> str:
    """Return eight random hex digits that make a workflow id unique."""
    return secrets.token_hex(4)
