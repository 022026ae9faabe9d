"""Archives that pretend to be charts and mean harm, made when they are asked for."""

from collections.abc import Callable

from tests.support.archives import bomb, chart, header, member, packed, tar, tar_of
from tests.support.blobs import content_of

GOOD = tar({"web/values.yaml": b"x"})[:1024]
HOSTILE: dict[str, Callable[[], bytes]] = {
    "text": lambda: b"no archive at all",
    "empty": lambda: b"",
    "tar without gzip": lambda: GOOD,
    "half": lambda: chart({"values.yaml": content_of(1000)})[:700],
    "absolute": lambda: packed(tar({"web/values.yaml": b"x", "web//etc/passwd": b"x"})),
    "parent": lambda: packed(tar({"web/values.yaml": b"x", "web/../../etc/passwd": b"x"})),
    "symbolic link": lambda: packed(tar_of([member("web/values.yaml", type=b"2", linkname="/etc/passwd")])),
    "hard link": lambda: packed(tar_of([member("web/values.yaml", type=b"1", linkname="../../etc/passwd")])),
    "device": lambda: packed(tar_of([member("web/values.yaml", type=b"3")])),
    "zip": lambda: b"PK\x03\x04" + bytes(100),
    "zeros": lambda: bomb(b"", 110),
    "said to be large": lambda: packed(GOOD + header(b"web/a", size=b"\x80" + b"\x7f" * 11)),
    "bomb": lambda: bomb(GOOD + header(b"web/a", size=b"%011o\0" % (8**11 - 1)), 110),
    "pax bomb": lambda: bomb(GOOD + header(b"web/a", b"x", size=b"%011o\0" % (8**11 - 1)), 110),
    "pax records": lambda: packed(
        (header(b"", b"x", size=b"%011o\0" % 60_000) + b"6 a=b\n" * 10_000 + bytes(416)) * 1500
    ),
    "long name": lambda: bomb(GOOD + header(b"web/a", b"L", size=b"%011o\0" % 2**26), 64),
    "many entries": lambda: packed(GOOD + header(b"web/a") * 20_000),
    "many members": lambda: packed(GOOD) + packed(b"") * 200_000,
}
