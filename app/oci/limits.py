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
