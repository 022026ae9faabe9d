"""Bounds of what is accepted from outside, so that no document can cost more than its place is worth."""

from typing import Final

MANIFEST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a manifest (distribution-spec, Pushing Manifests: at least 4 MiB; all clients stay below it)."""
CONFIG_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a config that is read for its facts; no client reads a larger one."""
INDEX_DEPTH: Final = 10
"""Indexes in indexes."""
TAGS_PER_PUSH: Final = 46
"""Tag parameters of one push; as many as fit a request line of 8 kB."""
MEDIA_TYPE_LENGTH: Final = 255
DIGEST_LENGTH: Final = 160
SIZE: Final = 2**63 - 1
"""Bytes that a 64-bit signed number can count."""
EXTRA_BYTES: Final = 256 * 1024
"""Bytes of facts that are kept of one config."""
NESTING: Final = 32
"""Levels of a document that is kept for display."""
PAYLOAD_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a signature's payload that is looked into; a larger attestation is stored as any content."""
PAYLOADS_PER_MANIFEST: Final = 1000
"""Configs and signatures in one manifest."""
CHECKED_BYTES: Final = 64 * 1024 * 1024
"""Bytes of all of them together."""
DOCUMENT_PARTS: Final = 250_000
"""Values of a document, counted by the characters that begin and part them; an index of 4 MiB has half as many."""
LARGE_DOCUMENT: Final = 256 * 1024
"""Bytes from which on a document is parsed alone: what is made of it takes twenty times as many."""
