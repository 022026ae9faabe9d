"""The chunked coding: any split of any valid body, and every way to break it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.server.chunked import ChunkedDecoder


def encode(chunks: list[bytes], extension: bytes = b"", trailer: bytes = b"") -> bytes:
    body = b"".join(b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk) for chunk in chunks if chunk)
    return body + b"0" + extension + b"\r\n" + trailer + b"\r\n"


def decode(coded: bytes, sizes: list[int]) -> tuple[ChunkedDecoder, bytes]:
    """Decode in reads of the given sizes, the last one repeated."""
    decoder, buffer, content, at = ChunkedDecoder(), bytearray(4096), b"", 0
    reads = iter(sizes)
    size = 1
    while at < len(coded) and not decoder.done and not decoder.error:
        size = min(next(reads, size), len(coded) - at, len(buffer))
        buffer[:size] = coded[at : at + size]
        at += size
        content += buffer[: decoder.decode(buffer, size)]
    return decoder, content


@given(
    chunks=st.lists(st.binary(min_size=1, max_size=300), max_size=8),
    sizes=st.lists(st.integers(1, 400), min_size=1, max_size=12),
    extension=st.sampled_from([b"", b";a=b", b' ; a="q r"']),
    trailer=st.sampled_from([b"", b"X-Sum: 1\r\n", b"A: b\r\nC: d\r\n"]),
    behind=st.binary(max_size=20),
)
def test_any_split(chunks: list[bytes], sizes: list[int], extension: bytes, trailer: bytes, behind: bytes) -> None:
    decoder, content = decode(encode(chunks, extension, trailer) + behind, sizes)
    assert (decoder.done, decoder.error, content) == (True, None, b"".join(chunks))
    assert behind.startswith(decoder.rest)


@given(chunks=st.lists(st.binary(min_size=1, max_size=100), max_size=5), share=st.floats(0, 0.999))
def test_truncated_is_neither_done_nor_broken(chunks: list[bytes], share: float) -> None:
    coded = encode(chunks)
    decoder, content = decode(coded[: int(len(coded) * share)], [7])
    assert (decoder.done, decoder.error) == (False, None)
    assert b"".join(chunks).startswith(content)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\r\n",
        b"zz\r\n",
        b"-1\r\n",
        b"+5\r\nabcde\r\n",
        b"0x5\r\nabcde\r\n",
        b" 5\r\nabcde\r\n",
        b"5\nabcde\r\n",
        b"5;a\rb\r\nabcde\r\n",
        b"1" * 16 + b"\r\n",
        b"3\r\nabcde\r\n0\r\n\r\n",
        b"3\r\nabc\n0\r\n\r\n",
        b"5;" + b"x" * 9000 + b"\r\n",
        b"0\r\nA: b\n\r\n",
        b"0\r\n" + b"A: b\r\n" * 20_000,
    ],
)
@pytest.mark.parametrize("size", [1, 5, 4096])
def test_garbage_behind_a_good_chunk(garbage: bytes, size: int) -> None:
    decoder, content = decode(b"5\r\nhello\r\n" + garbage, [size])
    assert decoder.error is not None
    assert not decoder.done
    assert content.startswith(b"hello")


@given(st.binary(max_size=200), st.integers(1, 50))
def test_anything_at_all(coded: bytes, size: int) -> None:
    decoder, content = decode(coded, [size])
    assert len(content) <= len(coded)
    assert not (decoder.done and decoder.error)
