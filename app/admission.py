"""What a push, pull, tag or delete must pass: verb -> checks, in order; the first that refuses raises."""

from app.core.plugins import AdmissionTable


def admission() -> AdmissionTable:
    """Return the table that ``Context.admit`` runs; each subject is a class of ``app.artifacts.subjects``."""
    return {
        "push": (),
        "pull": (),
        "delete": (),
        "delete_repository": (),
    }
