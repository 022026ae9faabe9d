"""How much of each artifact a list shows: the more rows on a page, the less of each, so that pages stay bounded."""

from dataclasses import dataclass
from typing import Final, Self

_ANNOTATIONS: Final = 200 * 1024
_FACTS: Final = 400 * 1024
_MANIFESTS: Final = 6400 * 1024
_REFERENCES: Final = 3200
_WHOLE_REFERENCES: Final = 5000
_ENTRY: Final = 192
_TAGS: Final = 2000
_ACCESSORIES: Final = 1000
_LABELS: Final = 1600
_LABEL_TEXT: Final = 6400
_MOST: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """The most that is shown of one artifact: larger annotations and facts are omitted, lists of parts are shortened.

    On a page of 100 artifacts, the longest, each has at most 2 KiB of annotations, 4 KiB of facts, 32 references, 20
    tags, 10 accessories and 16 labels; on a page of 10, ten times as much. Annotations of manifests above ``manifest``
    bytes are omitted unmeasured, as measuring them takes time, too.
    """

    manifest: int
    annotations: int
    facts: int
    references: int
    entry: int
    """Bytes of the platform, and of the annotations, of one reference."""
    tags: int
    accessories: int
    labels: int
    label_text: int
    """Characters of the description of one label."""

    @classmethod
    def of_page(cls, rows: int) -> Self:
        """Return the shares of the artifacts on a page of ``rows`` artifacts."""
        return cls(
            manifest=_MANIFESTS // rows,
            annotations=_ANNOTATIONS // rows,
            facts=_FACTS // rows,
            references=_REFERENCES // rows,
            entry=_ENTRY,
            tags=_TAGS // rows,
            accessories=_ACCESSORIES // rows,
            labels=_LABELS // rows,
            label_text=_LABEL_TEXT // rows,
        )


WHOLE: Final = Shares(
    manifest=_MOST,
    annotations=_MOST,
    facts=_MOST,
    references=_WHOLE_REFERENCES,
    entry=_MOST,
    tags=_TAGS,
    accessories=_ACCESSORIES,
    labels=_LABELS,
    label_text=_MOST,
)
"""The shares of an artifact that is requested alone: its whole manifest, its newest tags and first accessories.

An index shows at most its first 5000 children, more than any known client pushes; its manifest has all of them.
"""
