"""Imports every model, so that mappers and migrations see all tables."""

from sqlalchemy import MetaData

from app.artifacts import models as artifacts
from app.audit import models as audit
from app.configuration import models as configuration
from app.db import gate, numbers
from app.db.base import Base
from app.identity import models as identity
from app.jobs import models as jobs
from app.projects import models as projects
from app.robots import models as robots
from app.storage import models as storage

MODULES = (artifacts, audit, configuration, gate, identity, jobs, numbers, projects, robots, storage)
"""Where the tables are declared."""


def metadata() -> MetaData:
    """All tables of the product."""
    return Base.metadata
