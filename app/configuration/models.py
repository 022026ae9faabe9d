"""The table of the system configuration."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.db.base import Base
from app.db.types import UtcDateTime, byte_text


class ConfigurationValue(Base):
    """The stored value of one key, as text; keys without a row have their default."""

    __tablename__ = "configuration_value"

    name: Mapped[str] = mapped_column(byte_text(128), primary_key=True)
    value: Mapped[str] = mapped_column(sa.Text)
    update_time: Mapped[datetime] = mapped_column(UtcDateTime)
