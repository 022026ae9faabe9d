"""Who can log in, and where they are known: the identity sources, in the order in which they are asked."""

from app.core.plugins import Family, IdentitySources
from app.identity.sources.database import DatabaseSource
from app.robots.credentials import RobotSource


def sources() -> IdentitySources:
    """Return the family that authentication makes its members of; one that is incomplete does not start."""
    return Family(
        "identity source",
        {
            "robots": RobotSource,
            "database": DatabaseSource,
        },
    )
