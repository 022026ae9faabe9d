"""Rows of lists: tags, repositories, referrers."""

from typing import Final

from tests.bench.client import Connection, UnexpectedAnswer
from tests.bench.content import MANIFEST, Image
from tests.bench.metadata import one_after_the_other
from tests.bench.metrics import Figures
from tests.bench.server import CATALOG, pulling, pushing
from tests.bench.subject import REPOSITORY, Subject

PAGE: Final = 100
_MANY: Final = "library/many"


def tags(subject: Subject) -> Figures:
    """The first page of a repository's many tags."""
    if "tags" not in subject.filled:
        with subject.connection(_MANY) as connection:
            Image.random(layers=1).push(connection, _MANY, "t000000")
        subject.server.add_tags(_MANY, "t000000", [f"t{number:06}" for number in range(1, subject.sizes.tags)])
        subject.filled.add("tags")
    with subject.connection(_MANY, user=False) as connection:
        return _pages(subject, connection, f"/v2/{_MANY}/tags/list?n={PAGE}", b'"t000099"')


def catalog(subject: Subject) -> Figures:
    """A page in the middle of many repositories."""
    names = [f"library/of-{number:06}" for number in range(subject.sizes.repositories)]
    if "catalog" not in subject.filled:
        config = subject.image.config
        for start in range(0, len(names), PAGE // 2):
            some = names[start : start + PAGE // 2]
            token = subject.server.token(pulling(REPOSITORY), *map(pushing, some), user=True)
            with subject.connected(token) as connection:
                for name in some:
                    place = f"/v2/{name}/blobs/uploads/?mount={config.digest}&from={REPOSITORY}"
                    connection.request("POST", place).expect(201)
                    content = Image(config=config, layers=(), manifest=subject.image.bare())
                    content.push_manifest(connection, name, "latest")
        subject.filled.add("catalog")
    middle = names[len(names) // 2]
    target = f"/v2/_catalog?n={PAGE}&last={middle}"
    with subject.connected(subject.server.token(CATALOG, user=True)) as connection:
        return _pages(subject, connection, target, names[len(names) // 2 + 1].encode())


def referrers(subject: Subject) -> Figures:
    """The first page of an image's many referrers."""
    if "referrers" not in subject.filled:
        with subject.connection() as connection:
            for number in range(subject.sizes.referrers):
                content = subject.image.referrer(number)
                place = f"/v2/{REPOSITORY}/manifests/{content.digest}"
                connection.request("PUT", place, bytes(content.octets), kind=MANIFEST).expect(201)
        subject.filled.add("referrers")
    with subject.connection(user=False) as connection:
        target = f"/v2/{REPOSITORY}/referrers/{subject.image.manifest.digest}"
        return _pages(subject, connection, target, b"application/vnd.bench.report")


def _pages(subject: Subject, connection: Connection, target: str, part: bytes) -> Figures:
    """Ask for a page again and again; UnexpectedAnswer when the first lacks what it has to hold."""
    first = connection.request("GET", target).expect(200)
    if part not in first.body:
        raise UnexpectedAnswer(f"no {part!r} in {first.body[:200]!r}")
    return one_after_the_other(subject, lambda: connection.request("GET", target).expect(200))
