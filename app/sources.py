"""The identity sources that logins are checked against, in order."""

from app.core.plugins import Family, IdentitySources
from app.identity.sources.database import DatabaseSource
from app.robots.credentials import RobotSource


def sources() -> IdentitySources:
    """Return the identity sources by name; an incomplete one keeps the process from starting."""
    return Family(
        "identity source",
        {
            "robots": RobotSource,
            "database": DatabaseSource,
        },
    )
