"""Boot settings: read once from the environment (``HARBOR_NAME``, or ``HARBOR_NAME_FILE`` for mounted secrets).

This is the only reader of the environment. All mistakes are reported at once, each with the variable's name.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeVar

from environs import FileAwareEnv
from environs.exceptions import EnvError

from app.core import parsing
from app.core.errors import DomainError
from app.core.masking import masked

T = TypeVar("T")
_PREFIX: Final = "HARBOR_"
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("console", "json")
_RESERVE: Final = 64 << 20
STORAGES = ("filesystem",)


class SettingsError(Exception):
    """The environment has invalid variables; ``mistakes`` maps each name to what is wrong with it."""

    def __init__(self, mistakes: dict[str, list[str]]) -> None:
        """Keep every mistake; the message lists them one per line."""
        super().__init__("\n".join(f"{name}: {'; '.join(texts)}" for name, texts in sorted(mistakes.items())))
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where and how the web processes listen."""

    host: str
    port: int
    external_url: str
    """Scheme, host and port as clients see them, no trailing slash; the token realm comes from here."""
    external_url_given: bool
    """Whether ``external_url`` was set; else it is a guess that is right on this machine only."""
    allowed_hosts: tuple[str, ...]
    """Other hosts, lower-case, with or without a port, that the token realm may name instead of ``external_url``."""
    workers: int
    threads: int
    trusted_proxies: tuple[str, ...]
    """Addresses or networks whose X-Forwarded-* headers are believed."""
    server: str
    """The gunicorn worker of a web process: ``loop``, PyHarbor's own, or ``gthread``."""
    connections: int
    """The most connections of one web process."""
    connections_per_address: int
    rate: int
    """The fewest bytes per second that a client must send or read, averaged over ``rate_window``."""
    rate_window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """The database, ``sqlite:///path`` or ``postgresql+psycopg://…``."""

    url: str
    pool_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where blobs are kept."""

    driver: str
    path: Path
    fsync: bool
    """Whether each object is flushed to disk before its upload is acknowledged."""
    reserve: int = _RESERVE
    """Bytes of each disk that are held in a file as a reserve, and as many that must stay free; 0 turns both off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadSettings:
    """Bounds on open upload sessions and on deleted content."""

    sessions_per_account: int
    sessions_per_project: int
    """Open upload sessions; one untouched for ten minutes gives way to a new one."""
    backlog: int
    """The most deleted bytes that may wait for garbage collection, as a multiple of the project's storage limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalSettings:
    """The Temporal server and its UI."""

    address: str
    embedded: bool
    """Whether ``pyharbor up`` starts the server itself."""
    port: int
    ui_port: int
    ui_url: str
    namespace: str
    retention: timedelta
    binary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GarbageSettings:
    """Garbage collection and the purge of upload sessions."""

    time_window: timedelta
    """Content younger than this is spared; it also bounds how long a pusher's claim lasts."""
    lease: timedelta
    upload_expiry: timedelta
    """An upload session untouched for this long is purged."""
    upload_purge_cron: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageCheckSettings:
    """The storage check, which reads blobs and compares them with their digests."""

    rate: int
    """Bytes per second."""
    cron: str
    """When scheduled checks run; empty for none."""
    sample: str
    """The part of the blobs that a scheduled check reads; empty for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSettings:
    """Structured logging."""

    level: str
    format: str
    access: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All boot settings."""

    data_dir: Path
    admin_password: str | None
    """The administrator's first password; ignored after the first start."""
    ca_path: Path
    """The file of the root certificate that clients have to trust; it need not exist."""
    process_silence: timedelta
    """How long a web process or worker may go without a heartbeat before it is killed and restarted; 0 for ever."""
    web: WebSettings
    database: DatabaseSettings
    storage: StorageSettings
    uploads: UploadSettings
    temporal: TemporalSettings
    garbage: GarbageSettings
    storage_check: StorageCheckSettings
    log: LogSettings
    configuration: Mapping[str, str]
    """The other variables, lower-case and without the prefix; each pins the configuration key of its name."""

    @property
    def secrets_dir(self) -> Path:
        """The folder of the installation's keys, mode 0700."""
        return self.data_dir / "secrets"


REFUSALS: Final = (SettingsError, DomainError, OSError)
"""Errors that end a command with one sentence; any other is a defect and shows its traceback."""


def refusal(error: SettingsError | DomainError | OSError) -> str:
    """Return the sentence that a command prints when it ends with ``error``."""
    match error:
        case SettingsError():
            reason = f"the settings hold mistakes:\n{error}"
        case DomainError():
            reason = error.message
        case _:
            reason = f"{error.filename or 'the operating system'}: {error.strerror or error}"
    return f"pyharbor: {reason}"


def load() -> Settings:
    """Read the settings from the process's environment; SettingsError lists all mistakes."""
    reader = _Reader()
    settings = _read(reader)
    if reader.mistakes:
        raise SettingsError(reader.mistakes)
    return settings


class _Reader:
    """Reads typed variables and collects all mistakes."""

    def __init__(self) -> None:
        self.mistakes: dict[str, list[str]] = {}
        self._env = FileAwareEnv(prefix=_PREFIX)
        self._read: set[str] = set()

    def text(self, name: str) -> str | None:
        """Return the variable's (or its file's) text without surrounding blanks; None when absent or empty."""
        self._read.add(name)
        try:
            value = self._env.str(name, None)
            (value or "").encode()
        except UnicodeEncodeError:
            self._mistake(name, "the text is not UTF-8")
            return None
        except (EnvError, OSError, ValueError) as error:
            self._mistake(name, str(error))
            return None
        return (value or "").strip() or None

    def parsed(self, name: str, default: T, parse: Callable[[str], T], *, empty: T | None = None) -> T:
        """Return the variable's value by ``parse``, whose ValueError becomes a mistake; ``default`` when absent.

        A variable that is set but empty gives ``empty``, or ``default`` when that is None.
        """
        text = self.text(name)
        if text is None:
            return default if empty is None or _PREFIX + name not in os.environ else empty
        try:
            return parse(text)
        except ValueError as error:
            shown = masked(text)
            self._mistake(name, str(error).replace(repr(text), repr(shown)).replace(text, shown))
            return default

    def others(self) -> Mapping[str, str]:
        """Return the variables that were not read yet, by lower-case name without the prefix; call it last."""
        names = {name.removeprefix(_PREFIX).removesuffix("_FILE") for name in os.environ if name.startswith(_PREFIX)}
        texts = {name.lower(): self.text(name) for name in sorted(names - self._read)}
        return MappingProxyType({name: text for name, text in texts.items() if text is not None})

    def _mistake(self, name: str, text: str) -> None:
        self.mistakes.setdefault(f"HARBOR_{name}", []).append(text)


def _read(reader: _Reader) -> Settings:
    data_dir = reader.parsed("DATA_DIR", Path("data").absolute(), parsing.path)
    web = _read_web(reader)
    return Settings(
        data_dir=data_dir,
        admin_password=reader.text("ADMIN_PASSWORD"),
        ca_path=reader.parsed("CA_PATH", data_dir / "ca.crt", parsing.path),
        process_silence=reader.parsed("PROCESS_SILENCE", timedelta(minutes=2), parsing.duration),
        web=web,
        database=DatabaseSettings(
            url=reader.parsed("DATABASE_URL", f"sqlite:///{data_dir}/pyharbor.db", parsing.database_url),
            pool_size=reader.parsed("DATABASE_POOL_SIZE", max(8, web.threads), parsing.whole(1, 1000)),
        ),
        storage=StorageSettings(
            driver=reader.parsed("STORAGE", "filesystem", parsing.one_of(STORAGES)),
            path=reader.parsed("STORAGE_PATH", data_dir / "blobs", parsing.path),
            fsync=reader.parsed("STORAGE_FSYNC", default=True, parse=parsing.boolean),
            reserve=reader.parsed("STORAGE_RESERVE", _RESERVE, parsing.byte_count),
        ),
        uploads=UploadSettings(
            sessions_per_account=reader.parsed("UPLOADS_PER_ACCOUNT", 500, parsing.whole(1, 1_000_000)),
            sessions_per_project=reader.parsed("UPLOADS_PER_PROJECT", 2000, parsing.whole(1, 1_000_000)),
            backlog=reader.parsed("QUOTA_BACKLOG", 3, parsing.whole(1, 1000)),
        ),
        temporal=_read_temporal(reader),
        garbage=GarbageSettings(
            time_window=reader.parsed("GC_TIME_WINDOW", timedelta(hours=2), parsing.duration),
            lease=reader.parsed("GC_LEASE", timedelta(minutes=2), parsing.duration),
            upload_expiry=reader.parsed("UPLOAD_EXPIRY", timedelta(days=7), parsing.duration),
            upload_purge_cron=reader.parsed("UPLOAD_PURGE_CRON", "0 0 * * * *", parsing.cron_expression),
        ),
        storage_check=StorageCheckSettings(
            rate=reader.parsed("STORAGE_CHECK_RATE", 50 * 1024 * 1024, parsing.byte_rate),
            cron=reader.parsed("STORAGE_CHECK_CRON", "0 0 3 * * 0", parsing.cron_expression, empty=""),
            sample=reader.parsed("STORAGE_CHECK_SAMPLE", "5%", parsing.sample),
        ),
        log=LogSettings(
            level=reader.parsed("LOG_LEVEL", "info", parsing.one_of(LOG_LEVELS)),
            format=reader.parsed("LOG_FORMAT", "console", parsing.one_of(LOG_FORMATS)),
            access=reader.parsed("LOG_ACCESS", default=True, parse=parsing.boolean),
        ),
        configuration=reader.others(),
    )


def _read_web(reader: _Reader) -> WebSettings:
    port = reader.parsed("PORT", 8080, parsing.whole(1, 65535))
    host = (reader.text("HOST") or "127.0.0.1").strip("[]")
    here = "[::1]" if host == "::1" else "127.0.0.1"
    return WebSettings(
        host=host,
        port=port,
        external_url=reader.parsed("EXTERNAL_URL", f"http://{here}:{port}", parsing.http_url),
        external_url_given=reader.text("EXTERNAL_URL") is not None,
        allowed_hosts=reader.parsed("ALLOWED_HOSTS", (), parsing.hosts),
        workers=reader.parsed("WEB_WORKERS", 2, parsing.whole(1, 256)),
        threads=reader.parsed("WEB_THREADS", 16, parsing.whole(1, 1024)),
        trusted_proxies=reader.parsed("TRUSTED_PROXIES", (), parsing.networks),
        server=reader.parsed("WEB_SERVER", "loop", parsing.one_of(("loop", "gthread"))),
        connections=reader.parsed("WEB_CONNECTIONS", 8192, parsing.whole(16, 1_000_000)),
        connections_per_address=reader.parsed("WEB_CONNECTIONS_PER_ADDRESS", 6144, parsing.whole(8, 1_000_000)),
        rate=reader.parsed("WEB_RATE", 1024, parsing.whole(1, 1_000_000)),
        rate_window=reader.parsed("WEB_RATE_WINDOW", timedelta(minutes=1), parsing.duration),
    )


def _read_temporal(reader: _Reader) -> TemporalSettings:
    port = reader.parsed("TEMPORAL_PORT", 7233, parsing.whole(1, 65535))
    ui_port = reader.parsed("TEMPORAL_UI_PORT", 8233, parsing.whole(1, 65535))
    address = reader.parsed("TEMPORAL_ADDRESS", "", parsing.host_port)
    return TemporalSettings(
        address=address or f"127.0.0.1:{port}",
        embedded=not address,
        port=port,
        ui_port=ui_port,
        ui_url=reader.parsed("TEMPORAL_UI_URL", f"http://127.0.0.1:{ui_port}", parsing.http_url),
        namespace=reader.parsed("TEMPORAL_NAMESPACE", "registry", parsing.namespace),
        retention=reader.parsed("TEMPORAL_RETENTION", timedelta(days=14), parsing.duration),
        binary=reader.text("TEMPORAL_BINARY") or "temporal",
    )
