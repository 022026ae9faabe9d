"""All servers under test: PyHarbor on SQLite and on PostgreSQL, distribution 3.1 and 2.8."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tests.bench.authority import Authority, libtrust_key_id, thumbprint_key_id
from tests.bench.peers import Distribution
from tests.bench.product import PyHarbor
from tests.bench.server import Server

OURS: Final = "pyharbor, SQLite"
OURS_ON_POSTGRESQL: Final = "pyharbor, PostgreSQL"
STATE_OF_THE_ART: Final = "distribution 3.1"
"""The peer that the targets are ratios to."""


def servers(folder: Path) -> dict[str, Callable[[], Server]]:
    """Every server by its name, ours first; those whose program is missing are left out."""
    authority = Authority.create(folder)
    made: dict[str, Callable[[], Server]] = {
        OURS: lambda: PyHarbor(name=OURS, folder=folder / "sqlite"),
        OURS_ON_POSTGRESQL: lambda: PyHarbor(name=OURS_ON_POSTGRESQL, folder=folder / "postgresql", postgres=True),
    }
    programs = (
        (STATE_OF_THE_ART, os.environ.get("PYHARBOR_REGISTRY_BIN"), thumbprint_key_id),
        ("distribution 2.8", shutil.which("docker-registry"), libtrust_key_id),
    )
    for name, binary, key_id in programs:
        if binary:
            made[name] = _distribution(name, Path(binary), folder, authority, key_id)
    return made


def _distribution(
    name: str, binary: Path, folder: Path, authority: Authority, key_id: Callable[[RSAPublicKey], str]
) -> Callable[[], Server]:
    return lambda: Distribution(
        name=name, binary=binary, folder=folder / name.replace(" ", "-"), authority=authority, key_id=key_id
    )
