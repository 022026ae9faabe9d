"""Boot settings: read once from the environment (``HARBOR_NAME``, or ``HARBOR_NAME_FILE`` for mounted secrets).

This is the only reader of the environment. All mistakes are reported at once, each with the variable's name.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from environs import FileAwareEnv
from environs.exceptions import EnvError

T = TypeVar("T")
_DURATION = re.compile(r"(\d+)(s|m|h|d)")
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("console", "json")
STORAGES = ("filesystem",)


class SettingsError(Exception):
    """The environment holds mistakes; ``mistakes`` maps each variable's name to what is wrong with it."""

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
    workers: int
    threads: int
    trusted_proxies: tuple[str, ...]
    """Addresses or networks whose X-Forwarded-* headers are believed."""


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
    """Whether each object is made durable before it is acknowledged."""


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
class LogSettings:
    """Structured logging."""

    level: str
    format: str
    access: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that is decided before the process starts."""

    data_dir: Path
    admin_password: str | None
    """The administrator's password, looked at on the first start only."""
    token_expiration: timedelta
    web: WebSettings
    database: DatabaseSettings
    storage: StorageSettings
    temporal: TemporalSettings
    garbage: GarbageSettings
    log: LogSettings

    @property
    def secrets_dir(self) -> Path:
        """Where the installation's own keys are, mode 0700."""
        return self.data_dir / "secrets"


def parse_duration(text: str) -> timedelta:
    """Read ``90s``, ``30m``, ``2h`` or ``14d``; ValueError says what would be right."""
    match = _DURATION.fullmatch(text.strip())
    if not match:
        message = f"{text!r} is no duration: write a whole number and a unit, as in 0s, 90m, 2h or 14d"
        raise ValueError(message)
    return timedelta(seconds=int(match[1]) * _UNIT_SECONDS[match[2]])


def load() -> Settings:
    """Read the settings from the process environment; SettingsError lists all mistakes."""
    reader = _Reader()
    settings = _read(reader)
    if reader.mistakes:
        raise SettingsError(reader.mistakes)
    return settings


def describe(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of every effective setting, secrets masked."""
    for section, values in _sections(settings):
        for name, value in values:
            yield f"{section}{name}", value


class _Reader:
    """Reads typed variables and collects the mistakes."""

    def __init__(self) -> None:
        self.mistakes: dict[str, list[str]] = {}
        self._env = FileAwareEnv(prefix="HARBOR_")

    def text(self, name: str) -> str | None:
        """The variable (or its file's content) without surrounding blanks; None when absent or empty."""
        try:
            value = self._env.str(name, None)
        except (EnvError, OSError, ValueError) as error:
            self._mistake(name, str(error))
            return None
        return (value or "").strip() or None

    def parsed(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        """The variable through ``parse``, whose ValueError becomes a mistake; ``default`` when absent."""
        text = self.text(name)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self._mistake(name, str(error))
            return default

    def _mistake(self, name: str, text: str) -> None:
        self.mistakes.setdefault(f"HARBOR_{name}", []).append(text)


def _read(reader: _Reader) -> Settings:
    data_dir = reader.parsed(
        "DATA_DIR",
        Path("data").absolute(),
        lambda text: Path(text).expanduser().absolute(),
    )
    web = _read_web(reader)
    return Settings(
        data_dir=data_dir,
        admin_password=reader.text("ADMIN_PASSWORD"),
        token_expiration=reader.parsed("TOKEN_EXPIRATION", timedelta(minutes=30), _minutes),
        web=web,
        database=DatabaseSettings(
            url=reader.parsed("DATABASE_URL", f"sqlite:///{data_dir}/pyharbor.db", _database_url),
            pool_size=reader.parsed("DATABASE_POOL_SIZE", max(8, web.threads), _whole(1, 1000)),
        ),
        storage=StorageSettings(
            driver=reader.parsed("STORAGE", "filesystem", _one_of(STORAGES)),
            path=reader.parsed(
                "STORAGE_PATH",
                data_dir / "blobs",
                lambda text: Path(text).expanduser().absolute(),
            ),
            fsync=reader.parsed("STORAGE_FSYNC", default=True, parse=_boolean),
        ),
        temporal=_read_temporal(reader),
        garbage=GarbageSettings(
            time_window=reader.parsed("GC_TIME_WINDOW", timedelta(hours=2), parse_duration),
            lease=timedelta(seconds=120),
            upload_expiry=reader.parsed("UPLOAD_EXPIRY", timedelta(days=7), parse_duration),
            upload_purge_cron=reader.text("UPLOAD_PURGE_CRON") or "0 0 * * * *",
        ),
        log=LogSettings(
            level=reader.parsed("LOG_LEVEL", "info", _one_of(LOG_LEVELS)),
            format=reader.parsed("LOG_FORMAT", "console", _one_of(LOG_FORMATS)),
            access=reader.parsed("LOG_ACCESS", default=True, parse=_boolean),
        ),
    )


def _read_web(reader: _Reader) -> WebSettings:
    port = reader.parsed("PORT", 8080, _whole(1, 65535))
    return WebSettings(
        host=reader.text("HOST") or "127.0.0.1",
        port=port,
        external_url=reader.parsed("EXTERNAL_URL", f"http://127.0.0.1:{port}", _http_url),
        workers=reader.parsed("WEB_WORKERS", 2, _whole(1, 256)),
        threads=reader.parsed("WEB_THREADS", 32, _whole(1, 1024)),
        trusted_proxies=reader.parsed("TRUSTED_PROXIES", (), _networks),
    )


def _read_temporal(reader: _Reader) -> TemporalSettings:
    port = reader.parsed("TEMPORAL_PORT", 7233, _whole(1, 65535))
    ui_port = reader.parsed("TEMPORAL_UI_PORT", 8233, _whole(1, 65535))
    address = reader.parsed("TEMPORAL_ADDRESS", "", _host_port)
    return TemporalSettings(
        address=address or f"127.0.0.1:{port}",
        embedded=not address,
        port=port,
        ui_port=ui_port,
        ui_url=reader.parsed("TEMPORAL_UI_URL", f"http://127.0.0.1:{ui_port}", _http_url),
        namespace=reader.parsed("TEMPORAL_NAMESPACE", "registry", _namespace),
        retention=reader.parsed("TEMPORAL_RETENTION", timedelta(days=14), parse_duration),
        binary=reader.text("TEMPORAL_BINARY") or "temporal",
    )


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            message = f"{text!r} is not a whole number from {low} to {high}"
            raise ValueError(message)
        return int(text)

    return parse


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            message = f"{text!r} is not one of {', '.join(choices)}"
            raise ValueError(message)
        return text.lower()

    return parse


def _boolean(text: str) -> bool:
    words = {
        "true": True,
        "1": True,
        "yes": True,
        "on": True,
        "false": False,
        "0": False,
        "no": False,
        "off": False,
    }
    if text.lower() not in words:
        message = f"{text!r} is neither true nor false"
        raise ValueError(message)
    return words[text.lower()]


def _minutes(text: str) -> timedelta:
    return timedelta(minutes=_whole(1, 1_000_000)(text))


def _http_url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        message = f"{text!r} is no URL of the form http://host:port or https://host"
        raise ValueError(message)
    return urlunsplit(parts).rstrip("/")


def _host_port(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        message = f"{text!r} is not of the form host:port"
        raise ValueError(message)
    return text


def _namespace(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}", text):
        message = f"{text!r} is no Temporal namespace: letters, digits, '.', '_' and '-'"
        raise ValueError(message)
    return text


def _database_url(text: str) -> str:
    if not text.startswith(("sqlite:///", "postgresql+psycopg://")):
        message = "expected sqlite:///path or postgresql+psycopg://user:password@host/name"
        raise ValueError(message)
    return text


def _networks(text: str) -> tuple[str, ...]:
    names = tuple(part.strip() for part in text.split(",") if part.strip())
    for name in names:
        ip_network(name, strict=False)
    return names


def _sections(settings: Settings) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    yield (
        "",
        (
            (f.name, _shown(f.name, getattr(settings, f.name)))
            for f in fields(settings)
            if not _nested(settings, f.name)
        ),
    )
    for section in fields(settings):
        value = getattr(settings, section.name)
        if is_dataclass(value):
            yield (
                f"{section.name}.",
                ((f.name, _shown(f.name, getattr(value, f.name))) for f in fields(value)),
            )


def _nested(settings: Settings, name: str) -> bool:
    return is_dataclass(getattr(settings, name))


def _shown(name: str, value: object) -> str:
    if "password" in name:
        return "(set)" if value else "(not set)"
    if name == "url" and isinstance(value, str):
        return re.sub(r"(//[^:/@]*):[^@]*@", r"\1:***@", value)
    return str(value)
