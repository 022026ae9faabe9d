"""Random pieces: of one length, never the same, in no fork the same."""

import os

from app.core.randomness import Randomness


def test_no_piece_twice() -> None:
    randomness = Randomness(16)
    pieces = [randomness.piece() for _ in range(1000)]
    assert {len(piece) for piece in pieces} == {16}
    assert len(set(pieces)) == 1000


def test_a_fork_has_others() -> None:
    randomness = Randomness(16)
    randomness.piece()
    ours, theirs = os.pipe()
    child = os.fork()
    if not child:
        os.write(theirs, randomness.piece())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(ours, 16) not in [randomness.piece() for _ in range(64)]
    os.close(ours)
    os.close(theirs)
