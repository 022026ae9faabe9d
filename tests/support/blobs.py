"""Blobs for the tests: content, digests, and pushing them through the front door."""

import hashlib
import random

import httpx

SESSIONS = "/v2/{name}/blobs/uploads/"


def content_of(size: int, seed: int = 0) -> bytes:
    """Bytes that look random and are the same each time."""
    return random.Random(seed).randbytes(size)


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """The digest of content."""
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def begin(client: httpx.Client, name: str, **query: str) -> str:
    """Start an upload session and return its location."""
    answer = client.post(SESSIONS.format(name=name), params=query)
    assert answer.status_code == 202, answer.text
    return answer.headers["Location"]


def push(client: httpx.Client, name: str, content: bytes) -> str:
    """Push a blob in one go and return its digest."""
    digest = digest_of(content)
    answer = client.put(begin(client, name), params={"digest": digest}, content=content)
    assert answer.status_code == 201, answer.text
    return digest
