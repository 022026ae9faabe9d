"""How much of each artifact a list shows: the more rows, the less of each, so that no page passes its limit."""

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
_MOST: Final = 2**62


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """What is shown of one artifact at most. What is larger is left out; only the lists of parts are shortened.

    A page of 100 artifacts, the longest, gives each 2 KiB of annotations, 4 KiB of facts, 32 references, 20 tags and
    10 accessories; a page of 10 ten times that. Annotations are those of manifests up to ``manifest`` bytes, as
    measuring larger ones would be work too.
    """

    manifest: int
    annotations: int
    facts: int
    references: int
    entry: int
    """Bytes of the platform, and of the annotations, of one reference."""
    tags: int
    accessories: int

    @classmethod
    def of_page(cls, rows: int) -> Self:
        """Of each artifact on a page of so many."""
        return cls(
            manifest=_MANIFESTS // rows,
            annotations=_ANNOTATIONS // rows,
            facts=_FACTS // rows,
            references=_REFERENCES // rows,
            entry=_ENTRY,
            tags=_TAGS // rows,
            accessories=_ACCESSORIES // rows,
        )


WHOLE: Final = Shares(
    manifest=_MOST,
    annotations=_MOST,
    facts=_MOST,
    references=_WHOLE_REFERENCES,
    entry=_MOST,
    tags=_TAGS,
    accessories=_ACCESSORIES,
)
"""Of an artifact that is asked for alone: what its manifest says, its newest tags and first accessories.

An index of more children than any client has been seen to push shows the first of them; the manifest has them all.
"""
