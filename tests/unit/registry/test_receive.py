"""Bodies of any server's ``wsgi.input``."""

import io
from typing import Any

import pytest

from app.core.errors import DomainError, SizeInvalid, UploadInvalid
from app.registry import receive


class Elsewhere(io.BytesIO):
    """The body object of a server that is not ours."""


class Failing:
    """One whose client is gone."""

    failed = False

    def read(self, _size: int) -> bytes:
        """Fail."""
        raise ConnectionResetError


def collect(environ: dict[str, Any]) -> tuple[bytes, DomainError | None]:
    """What arrives, and what ends it."""
    content = b""
    try:
        for piece in receive.receive(environ):
            content += piece
    except DomainError as error:
        return content, error
    return content, None


@pytest.mark.parametrize("content", [b"", b"abc", bytes(600_000)])
def test_whole(content: bytes) -> None:
    assert collect({"wsgi.input": Elsewhere(content), "CONTENT_LENGTH": str(len(content))}) == (content, None)
    chunked = {"wsgi.input": Elsewhere(content), "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    assert collect(chunked) == (content, None)


def test_it_does_not_read_beyond() -> None:
    body = Elsewhere(b"abcdef")
    assert collect({"wsgi.input": body, "CONTENT_LENGTH": "3"}) == (b"abc", None)
    assert body.read() == b"def"


def test_cut_short() -> None:
    arrived, caught = collect({"wsgi.input": Elsewhere(b"abc"), "CONTENT_LENGTH": "10"})
    assert (arrived, type(caught)) == (b"abc", SizeInvalid)
    assert isinstance(collect({"wsgi.input": Elsewhere(), "HTTP_TRANSFER_ENCODING": "chunked"})[1], UploadInvalid)


def test_an_input_that_fails_is_used_no_more() -> None:
    body = Failing()
    assert isinstance(collect({"wsgi.input": body, "CONTENT_LENGTH": "10"})[1], UploadInvalid)
    assert body.failed


@pytest.mark.parametrize("length", ["x", "-1", "1_0", "\u0663"])
def test_a_length_that_is_no_number(length: str) -> None:
    with pytest.raises(SizeInvalid):
        receive.content_length({"CONTENT_LENGTH": length})


@pytest.mark.parametrize(("size", "left"), [(0, 0), (300_000, 0), (900_000, 900_000 - 2 * receive.BUFFER_BYTES)])
def test_draining(size: int, left: int) -> None:
    body = Elsewhere(bytes(size))
    receive.drain({"wsgi.input": body, "CONTENT_LENGTH": str(size), "wsgi.input_terminated": True}, limit=300_000)
    assert len(body.read()) == left
