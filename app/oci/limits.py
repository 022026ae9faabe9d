"""Limits of the documents that clients push, so that none takes more memory or time than it should."""

from typing import Final

MANIFEST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a manifest (distribution-spec, Pushing Manifests, asks for at least 4 MiB; no client sends more)."""
CONFIG_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a config that is parsed; no client reads a larger one."""
INDEX_DEPTH: Final = 10
"""Levels of indexes that list indexes."""
TAGS_PER_PUSH: Final = 46
"""Tag parameters of one push; as many as fit into a request line of 8 kB."""
MEDIA_TYPE_LENGTH: Final = 255
DIGEST_LENGTH: Final = 160
SIZE: Final = 2**63 - 1
"""The largest size in bytes: what a signed 64-bit number can hold."""
EXTRA_BYTES: Final = 256 * 1024
"""Bytes of JSON that are stored of one config."""
NESTING: Final = 32
"""Levels of a JSON document that is stored for display."""
PAYLOAD_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a signature's payload that is parsed; a larger attestation is stored without being parsed."""
PAYLOADS_PER_MANIFEST: Final = 1000
"""Configs and signatures that one manifest may name."""
CHECKED_BYTES: Final = 64 * 1024 * 1024
"""Bytes of all configs and signatures of one manifest together."""
DOCUMENT_PARTS: Final = 250_000
"""Values of a document, counted by its commas and opening brackets; an index of 4 MiB has half as many."""
LARGE_DOCUMENT: Final = 256 * 1024
"""Documents above this size in bytes are parsed one at a time: the parsed document takes twenty times the memory."""
CHART_BYTES: Final = 16 * 1024 * 1024
"""Bytes of a chart's archive that is looked into, held in memory meanwhile; Kubernetes keeps a release in 1 MiB."""
UNPACKED_BYTES: Final = 100 * 1024 * 1024
"""Bytes that an archive is unpacked to, one small piece at a time, at most; helm reads no chart with more."""
ARCHIVE_ENTRIES: Final = 10_000
"""Headers of an archive that are read, each of which costs some microseconds; large charts have a thousand."""
HEADER_EXTENSION_BYTES: Final = 64 * 1024
"""Bytes of a long name or of PAX records, which are held in memory; paths are shorter than 4 KiB."""
HEADER_EXTENSIONS_BYTES: Final = 1024 * 1024
"""Bytes of all of these in an archive, as each record takes a microsecond; an honest entry has some hundred."""
GZIP_MEMBERS: Final = 100
"""Gzip streams one after another that are read as one; helm writes one, parallel compressors a few."""
CHART_FILE_BYTES: Final = 1024 * 1024
"""Bytes of a chart's file that is shown and cached; the largest known values and readmes have 300 KiB."""
MODEL_FILE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a model's layer that is shown, as in Harbor."""
MODEL_FILES: Final = 20_000
"""Files and folders of a model that are listed."""
MODEL_FILE_DEPTH: Final = 32
"""Levels of folders of a model that are listed; a deeper file is left out."""
SBOM_BYTES: Final = 16 * 1024 * 1024
"""Bytes of an SBOM that is shown; a larger one is pulled as a blob."""
