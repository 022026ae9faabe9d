"""Boot settings: defaults, files, and every mistake at once."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from app.core.parsing import duration, size
from app.settings import SettingsError, describe, load


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("HARBOR_")]:
        monkeypatch.delenv(name)


def test_defaults(tmp_path: Path) -> None:
    settings = load()
    assert settings.data_dir == tmp_path / "data"
    assert settings.web.external_url == "http://127.0.0.1:8080"
    assert settings.database.url == f"sqlite:///{tmp_path}/data/pyharbor.db"
    assert settings.temporal.embedded
    assert settings.temporal.address == "127.0.0.1:7233"
    assert settings.garbage.time_window == timedelta(hours=2)


def test_all_mistakes_are_reported_at_once_with_the_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "99999",
        "STORAGE": "tape",
        "DATABASE_URL": "mysql://x",
        "GC_TIME_WINDOW": "soon",
        "EXTERNAL_URL": "harbor.example.com",
        "TRUSTED_PROXIES": "10.0.0.0/8,nowhere",
    }.items():
        monkeypatch.setenv(f"HARBOR_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert set(caught.value.mistakes) == {
        "HARBOR_PORT",
        "HARBOR_STORAGE",
        "HARBOR_DATABASE_URL",
        "HARBOR_GC_TIME_WINDOW",
        "HARBOR_EXTERNAL_URL",
        "HARBOR_TRUSTED_PROXIES",
    }
    assert "write a whole number and a unit" in str(caught.value)


def test_a_value_can_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("Abc12345\n")
    monkeypatch.setenv("HARBOR_ADMIN_PASSWORD_FILE", str(tmp_path / "secret"))
    assert load().admin_password == "Abc12345"


def test_a_file_that_is_not_there_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARBOR_ADMIN_PASSWORD_FILE", "/nowhere/at/all")
    with pytest.raises(SettingsError, match="HARBOR_ADMIN_PASSWORD"):
        load()


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARBOR_ADMIN_PASSWORD", "Secret12345")
    monkeypatch.setenv("HARBOR_DATABASE_URL", "postgresql+psycopg://u:Secret12345@127.0.0.1/registry")
    printed = dict(describe(load()))
    assert "Secret12345" not in " ".join(printed.values())
    assert printed["database.url"] == "postgresql+psycopg://u:***@127.0.0.1/registry"
    assert printed["admin_password"] == "(set)"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0s", timedelta(0)),
        ("90m", timedelta(minutes=90)),
        ("2h", timedelta(hours=2)),
        ("14d", timedelta(days=14)),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "2", "h", "-1h", "1.5h", "2 h", "1h30m"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        duration(text)


@pytest.mark.parametrize(("text", "expected"), [("0", 0), ("512KiB", 1 << 19), ("64MiB", 1 << 26), ("2GiB", 1 << 31)])
def test_sizes(text: str, expected: int) -> None:
    assert size(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "64MB", "64 MiB", "1.5GiB", "0x10", "9999999999"])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        size(text)
