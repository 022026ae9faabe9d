"""Running hashes: the right digest whatever the cuts, saved and resumed anywhere, and the way without libcrypto."""

import hashlib
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.storage import hash_state

SIZES = {"sha256": 128, "sha512": 232}


def feed(running: hash_state.RunningHash, content: bytes, *, writable: bool = True) -> hash_state.RunningHash:
    running.update(memoryview(bytearray(content) if writable else content))
    return running


def expected(content: bytes, algorithm: str) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def test_published_vectors() -> None:
    sha512 = "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    sha512 += "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert feed(hash_state.start("sha256"), b"abc").digest() == f"sha256:{sha256}"
    assert feed(hash_state.start("sha512"), b"abc").digest() == f"sha512:{sha512}"


@given(
    content=st.binary(max_size=2000),
    cuts=st.lists(st.integers(0, 2000), max_size=6),
    algorithm=st.sampled_from(list(SIZES)),
)
def test_saved_and_resumed_anywhere(content: bytes, cuts: list[int], algorithm: str) -> None:
    edges = [0, *sorted(min(cut, len(content)) for cut in cuts), len(content)]
    state: bytes | None = None
    for start, stop in pairwise(edges):
        running = hash_state.resume_or_none(algorithm, state, start)
        assert running is not None
        state = feed(running, content[start:stop]).state()
        assert running.digest() == expected(content[:stop], algorithm)
        assert state is not None
        assert len(state) == SIZES[algorithm]


@given(content=st.binary(max_size=500), algorithm=st.sampled_from(list(SIZES)), writable=st.booleans())
def test_digest_does_not_end_it(content: bytes, algorithm: str, writable: bool) -> None:
    running = hash_state.start(algorithm)
    for upto in range(3):
        assert running.digest() == expected(content * upto, algorithm)
        feed(running, content, writable=writable)


@given(state=st.binary(max_size=250) | st.none(), offset=st.integers(1, 2**62), algorithm=st.sampled_from(list(SIZES)))
def test_what_is_no_state_is_not_used(state: bytes | None, offset: int, algorithm: str) -> None:
    assert hash_state.resume_or_none(algorithm, state, offset) is None
    start = feed(hash_state.start(algorithm), b"").state()
    assert start is not None
    assert hash_state.resume_or_none(algorithm, start[:16] + (state or b""), offset) is None


@pytest.mark.parametrize("algorithm", list(SIZES))
def test_a_state_of_another_offset_or_algorithm_is_not_used(algorithm: str) -> None:
    state = feed(hash_state.start(algorithm), b"x" * 1000).state()
    assert hash_state.resume_or_none(algorithm, state, 1000) is not None
    assert hash_state.resume_or_none(algorithm, state, 1064) is None
    assert hash_state.resume_or_none("sha512" if algorithm == "sha256" else "sha256", state, 1000) is None


def test_nothing_to_resume_is_a_beginning() -> None:
    running = hash_state.resume_or_none("sha256", None, 0)
    assert running is not None
    assert running.digest() == expected(b"", "sha256")


def test_past_four_gibibytes_of_bits() -> None:
    """The bit count's upper word: 2**29 bytes are 2**32 bits."""
    block, running, reference = bytearray(2**24), hash_state.start("sha256"), hashlib.sha256()
    for _ in range(33):
        running.update(memoryview(block))
        reference.update(block)
    resumed = hash_state.resume_or_none("sha256", running.state(), 33 * 2**24)
    assert resumed is not None
    assert resumed.digest() == f"sha256:{reference.hexdigest()}"


def test_threads_do_not_disturb_each_other() -> None:
    contents = [bytes([number]) * 300_000 for number in range(4)]
    digests: dict[int, str] = {}

    def compute(number: int) -> None:
        digests[number] = feed(hash_state.start("sha256"), contents[number]).digest()

    threads = [threading.Thread(target=compute, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert digests == {number: expected(content, "sha256") for number, content in enumerate(contents)}


@pytest.mark.parametrize("algorithm", list(SIZES))
def test_without_libcrypto(algorithm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    native = feed(hash_state.start(algorithm), b"abc").state()
    monkeypatch.setattr(hash_state, "_functions_or_none", lambda _layout: None)
    running = feed(hash_state.start(algorithm), b"abc")
    assert (running.digest(), running.state()) == (expected(b"abc", algorithm), None)
    assert hash_state.resume_or_none(algorithm, native, 3) is None


@pytest.mark.parametrize("broken", ["missing", "wrong"])
def test_a_library_that_does_not_prove_itself_is_not_used(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def function(_library: object, _layout: object, _name: str) -> object:
        if broken == "missing":
            raise AttributeError
        return lambda *_: 1

    monkeypatch.setattr(hash_state, "_function", function)
    assert hash_state._functions_or_none.__wrapped__(hash_state._LAYOUTS["sha256"]) is None
