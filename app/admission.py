"""What changes and pulls must pass: verb -> checks, in order; the first that refuses raises."""

from app.core.plugins import AdmissionTable
from app.identity.auth_mode import require_no_accounts


def admission() -> AdmissionTable:
    """Return the table that ``Context.admit`` runs; each subject is a class of a feature's ``subjects.py``."""
    return {
        "push": (),
        "pull": (),
        "delete": (),
        "delete_repository": (),
        "configure": (require_no_accounts,),
    }
