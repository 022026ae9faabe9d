"""Choose the implementation of every port from the settings; the only module that does."""

from collections.abc import Mapping
from pathlib import Path

from sqlalchemy.engine import make_url

from app.access.principals import SYSTEM
from app.admission import admission
from app.artifacts.pulls import PullBuffer
from app.configuration.keys import pin_mistakes
from app.configuration.service import ConfigurationService
from app.context import Context, Ports
from app.core.clock import SystemClock
from app.db.database import Database
from app.effects import effects
from app.identity.following import FollowedKeys
from app.identity.key_folder import KeyFolder
from app.jobs.bell import DatabaseBell
from app.settings import Settings, SettingsError
from app.sources import sources
from app.storage.drivers.family import storage_driver
from app.storage.key_batches import KeyBatches
from app.storage.room import DiskRoom
from app.storage.store import BlobStore
from app.views import slots, verdicts


def build(settings: Settings) -> Ports:
    """Build the ports of one process over a migrated database; no connection stays open.

    Makes the installation's keys on its first start. PreconditionError when the keys on disk are not those that the
    database knows; SettingsError when the environment pins configuration keys to invalid values.
    """
    if mistakes := pin_mistakes(settings.configuration):
        raise SettingsError(mistakes)
    db = Database(settings.database.url, pool_size=settings.database.pool_size)
    keys = KeyFolder(db, settings.secrets_dir)
    try:
        keys.check_in()
    finally:
        db.dispose()
    pulls = PullBuffer()
    ports = Ports(
        settings=settings,
        db=db,
        storage=BlobStore(storage_driver(settings.storage)),
        room=DiskRoom(_watched_folders(settings), settings.storage.reserve),
        keys=FollowedKeys(keys),
        clock=SystemClock(),
        bell=DatabaseBell(),
        pulls=pulls,
        admission=admission(),
        effects=effects(),
        sources=sources(),
        verdicts=verdicts(),
        slots=slots(),
        key_batches=KeyBatches(db),
    )
    pulls.start(ports)
    try:
        ConfigurationService(Context(ports, SYSTEM)).settle_pins()
    finally:
        db.dispose()
    return ports


def _watched_folders(settings: Settings) -> Mapping[str, Path]:
    """Return the folders whose disks must not run full, by their purpose."""
    folders = {"data folder": settings.data_dir}
    url = make_url(settings.database.url)
    if url.get_backend_name() == "sqlite" and url.database:
        folders = {"database": Path(url.database).absolute().parent, **folders}
    if settings.storage.driver == "filesystem":
        folders = {**folders, "blob storage": settings.storage.path}
    return folders
