"""Move large answers from memory to a temporary file before they are sent to a client that may be slow."""

import tempfile
from collections.abc import Iterable
from typing import Any, Final

_LARGE: Final = 256 * 1024
_LARGEST: Final = 16 * 1024 * 1024
_BLOCK_BYTES: Final = 256 * 1024


def spooled(body: Iterable[bytes], length: int, file_wrapper: Any) -> Iterable[bytes]:  # noqa: ANN401 - the server's own
    """Return a large body as an unnamed file when the server can send files, else the body itself.

    A body over 16 MiB is generated while it is sent and stays as it is, as does one that is a file already.
    """
    if not isinstance(file_wrapper, type) or isinstance(body, file_wrapper) or not _LARGE < length <= _LARGEST:
        return body
    try:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the server closes it when it is sent
    except OSError:
        return body
    return _moved(body, file, file_wrapper)


def _moved(body: Iterable[bytes], file: Any, file_wrapper: Any) -> Iterable[bytes]:  # noqa: ANN401 - as above
    pieces = list(body)
    close = getattr(body, "close", None)
    if close is not None:
        close()
    try:
        file.writelines(pieces)
        file.seek(0)
    except OSError:
        file.close()
        return pieces
    wrapped: Iterable[bytes] = file_wrapper(file, _BLOCK_BYTES)
    return wrapped
