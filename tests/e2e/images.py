"""Images that come from no registry: a Debian made from packages, and a small OCI layout written by hand."""

import gzip
import hashlib
import io
import json
import os
import platform
import secrets
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.engine import Docker
from tests.e2e.programs import output, program, run

BASE = "pyharbor-e2e/debian:base"
_NOT_NEEDED = ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale", "usr/share/man")
_DOCKERFILE = f"""
FROM {BASE}
COPY first.bin /srv/first.bin
RUN dpkg-query --show > /srv/packages && ln -s packages /srv/link && rm /srv/first.bin
COPY second.bin /srv/second.bin
LABEL org.opencontainers.image.title=pyharbor-e2e
ENTRYPOINT ["dpkg-query", "--show"]
CMD ["base-files"]
"""
_INDEX_TYPE = "application/vnd.oci.image.index.v1+json"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"


def debian_archive() -> Path:
    """A minimal Debian as a tar archive: made by debootstrap once and kept in the user's cache."""
    codename = platform.freedesktop_os_release()["VERSION_CODENAME"]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pyharbor" / "e2e"
    archive = cache / f"debian-{codename}-{platform.machine()}.tar"
    if archive.exists():
        return archive
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="debian-") as folder:
        root = Path(folder) / "root"
        bootstrap = [program("debootstrap"), "--variant=minbase", codename, str(root), _mirror(codename)]
        output(run(bootstrap, seconds=600))
        for name in _NOT_NEEDED:
            shutil.rmtree(root / name, ignore_errors=True)
        made = Path(folder) / "root.tar"
        output(run(["tar", "--create", "--numeric-owner", "--file", str(made), "--directory", str(root), "."]))
        made.rename(archive)
    return archive


def build_debian_image(docker: Docker, name: str, folder: Path) -> None:
    """Import the base and build an image of four layers on it whose content no other image has."""
    if not docker.has(BASE):
        docker("import", str(debian_archive()), BASE)
    folder.mkdir()
    (folder / "Dockerfile").write_text(_DOCKERFILE, encoding="utf-8")
    (folder / "first.bin").write_bytes(secrets.token_bytes(2_000_000))
    (folder / "second.bin").write_bytes(secrets.token_bytes(5_000_000))
    docker("build", "--network=none", "--no-cache", "--tag", name, str(folder))


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """An OCI layout on disk with one image; ``digest`` is its manifest's."""

    folder: Path
    digest: str
    size: int


def write_layout(folder: Path, *, layers: int = 2, layer_bytes: int = 50_000) -> Layout:
    """Write an image of random layers."""
    (folder / "blobs" / "sha256").mkdir(parents=True)
    archives = [_archive(f"file-{number}", secrets.token_bytes(layer_bytes)) for number in range(layers)]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Labels": {"title": "pyharbor-e2e"}},
        "rootfs": {"type": "layers", "diff_ids": [_digest(archive) for archive in archives]},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST_TYPE,
        "config": _store(folder, _CONFIG_TYPE, json.dumps(config).encode()),
        "layers": [_store(folder, _LAYER_TYPE, gzip.compress(archive, mtime=0)) for archive in archives],
    }
    descriptor = _store(folder, _MANIFEST_TYPE, json.dumps(manifest).encode())
    named = descriptor | {"annotations": {"org.opencontainers.image.ref.name": "latest"}}
    index = {"schemaVersion": 2, "mediaType": _INDEX_TYPE, "manifests": [named]}
    (folder / "index.json").write_text(json.dumps(index), encoding="utf-8")
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}', encoding="utf-8")
    return Layout(folder=folder, digest=str(descriptor["digest"]), size=layers * layer_bytes)


def _mirror(codename: str) -> str:
    """The archive that this machine's own apt uses for the release."""
    targets = run(["apt-get", "indextargets", "--format", "$(CODENAME) $(SITE)", "Created-By: Packages"])
    sites = [line.split()[1] for line in output(targets).splitlines() if line.startswith(f"{codename} ")]
    assert sites, f"apt knows no archive of Debian {codename}"
    return sites[0]


def _archive(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def _store(folder: Path, media_type: str, content: bytes) -> dict[str, object]:
    digest = _digest(content)
    (folder / "blobs" / digest.replace(":", "/")).write_bytes(content)
    return {"mediaType": media_type, "digest": digest, "size": len(content)}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
