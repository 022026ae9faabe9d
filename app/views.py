"""The contributors of other features to the query of a pull and to that of a list of artifacts."""

from app.artifacts.contributors import PullVerdict, RowSlot
from app.db.contributions import Contributors


def verdicts() -> Contributors[PullVerdict]:
    """Return the contributors that allow or refuse pulls of manifests, in order."""
    return Contributors()


def slots() -> Contributors[RowSlot]:
    """Return the contributors that add members to listed artifacts."""
    return Contributors()
