"""Import every module with tables, so that mappers and migrations know all of them."""

from sqlalchemy import MetaData

from app.artifacts import models as artifacts
from app.audit import models as audit
from app.configuration import models as configuration
from app.db import gate, numbers
from app.db.base import Base
from app.identity import models as identity
from app.immutability import models as immutability
from app.jobs import models as jobs
from app.labels import models as labels
from app.projects import models as projects
from app.robots import models as robots
from app.storage import models as storage

MODULES = (
    artifacts,
    audit,
    configuration,
    gate,
    identity,
    immutability,
    jobs,
    labels,
    numbers,
    projects,
    robots,
    storage,
)
"""The modules that declare tables."""


def metadata() -> MetaData:
    """Return the metadata of all tables."""
    return Base.metadata
