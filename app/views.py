"""What features add to the one query of a pull and to that of a list of artifacts: a row here for each contributor."""

from app.artifacts.contributors import PullVerdict, RowSlot
from app.db.contributions import Contributors


def verdicts() -> Contributors[PullVerdict]:
    """Return those who judge pulls of manifests, in order."""
    return Contributors()


def slots() -> Contributors[RowSlot]:
    """Return those who fill members of artifacts that are shown."""
    return Contributors()
