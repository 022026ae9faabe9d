"""Boot settings: defaults, files, and every mistake at once."""

import os
from datetime import timedelta
from pathlib import Path

import pytest

from app.cli.settings import describe
from app.core.parsing import byte_count, duration
from app.settings import SettingsError, load


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


def test_the_check_of_the_storage(monkeypatch: pytest.MonkeyPatch) -> None:
    by_default = load().storage_check
    assert (by_default.cron, by_default.sample, by_default.rate) == ("0 0 3 * * 0", "5%", 50 * 1024 * 1024)
    for name, value in {"CRON": "", "SAMPLE": "all", "RATE": "1G"}.items():
        monkeypatch.setenv(f"HARBOR_STORAGE_CHECK_{name}", value)
    given = load().storage_check
    assert (given.cron, given.sample, given.rate) == ("", "", 1024**3)
    for name, value in {"CRON": "soon", "SAMPLE": "101%", "RATE": "1K"}.items():
        monkeypatch.setenv(f"HARBOR_STORAGE_CHECK_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert {name.rpartition("_")[2] for name in caught.value.mistakes} == {"CRON", "SAMPLE", "RATE"}


def test_all_mistakes_are_reported_at_once_with_the_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "99999",
        "STORAGE": "tape",
        "DATABASE_URL": "mysql://x",
        "GC_TIME_WINDOW": "soon",
        "EXTERNAL_URL": "harbor.example.com",
        "TRUSTED_PROXIES": "10.0.0.0/8,nowhere",
        "ALLOWED_HOSTS": "registry.test,http://registry.test",
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
        "HARBOR_ALLOWED_HOSTS",
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
    ("url", "shown"),
    [
        ("postgresql+psycopg://h/n?password=Secret12345", "postgresql+psycopg://h/n?password=***"),
        ("postgresql+psycopg://h/n?sslmode=require&user=u&PASSWORD=Secret12345&x=Secret12345", None),
        ("postgresql+psycopg://h/n?sslpassword=Secret12345", "postgresql+psycopg://h/n?sslpassword=***"),
        ("postgresql+psycopg://h/n?p%61ssword=Secret12345", "postgresql+psycopg://h/n?p%61ssword=***"),
        ("postgresql+psycopg://u:Sec/ret@Secret12345@h/n", "postgresql+psycopg://u:***@h/n"),
        ("postgresql+psycopg://u:a:Secret12345@[::1]:5432/n", "postgresql+psycopg://u:***@[::1]:5432/n"),
        ("postgresql+psycopg://u%3ASecret12345@h/n", "postgresql+psycopg://***@h/n"),
        ("postgresql+psycopg://h/n?password=a Secret12345", "postgresql+psycopg://h/n?password=***"),
        ("postgresql+psycopg://h/n?password=a;Secret12345", "postgresql+psycopg://h/n?password=***"),
        ("postgresql+psycopg://h/n?user=u&dbname=host%3Da%20password%3DSecret12345", None),
        ("postgresql+psycopg://:Secret12345@h/n", "postgresql+psycopg://:***@h/n"),
        ("postgresql+psycopg://postgres@h/n", "postgresql+psycopg://postgres@h/n"),
        ("sqlite:////data/a@b/registry.db", "sqlite:////data/a@b/registry.db"),
    ],
)
def test_passwords_are_hidden_wherever_they_stand(monkeypatch: pytest.MonkeyPatch, url: str, shown: str | None) -> None:
    monkeypatch.setenv("HARBOR_DATABASE_URL", url)
    monkeypatch.setenv("HARBOR_TEMPORAL_ADDRESS", "u:Secret12345@temporal:7233")
    printed = dict(describe(load()))
    assert "Secret12345" not in " ".join(printed.values())
    assert printed["temporal.address"] == "u:***@temporal:7233"
    assert shown is None or printed["database.url"] == shown


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EXTERNAL_URL", "https://u:Secret12345@registry.test"),
        ("EXTERNAL_URL", "https://Secret12345@registry.test"),
        ("EXTERNAL_URL", "u:Secret12345@registry.test"),
        ("EXTERNAL_URL", "https://u:Sec/ret@Secret12345:no"),
        ("EXTERNAL_URL", "https://registry.test?password=Secret12345"),
        ("EXTERNAL_URL", "https://u:Secret12345\u2100@registry.test"),
        ("DATABASE_URL", "postgresql+psycopg://u:pa@Secret12345:word@h/n"),
        ("DATABASE_URL", "postgresql+psycopg://u:Secret12345@h:port/n"),
        ("DATABASE_URL", "postgresql+psycopg://u:Secret12345@[::1:5/n"),
        ("DATABASE_URL", "postgresql+psycopg://u:Secret12345@h:1,g:2/n"),
        ("DATABASE_URL", "postgresql+psycopg:///u:Secret12345@h/n"),
        ("DATABASE_URL", "sqlite:///?key=Secret12345"),
        ("DATABASE_URL", "postgresql+psycopg://u:Secret12345\udcff@h/n"),
        ("TEMPORAL_ADDRESS", "u:Sec\\Secret12345@temporal"),
        ("DATABASE_URL", "postgres://u:Secret12345@h/n"),
        ("DATABASE_URL", "u:Secret12345@h/n"),
        ("TEMPORAL_ADDRESS", "http://u:Secret12345@temporal"),
        ("TRUSTED_PROXIES", "u:Secret12345@10.0.0.1"),
        ("PORT", "http://u:Secret12345@h"),
        ("STORAGE", "s3://u:Secret12345@h"),
        ("LOG_LEVEL", "https://h?token=Secret12345"),
    ],
)
def test_mistakes_repeat_no_password(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"HARBOR_{name}", value)
    with pytest.raises(SettingsError) as caught:
        load()
    assert list(caught.value.mistakes) == [f"HARBOR_{name}"]
    assert "Secret12345" not in str(caught.value)


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


@pytest.mark.parametrize(
    ("text", "expected"), [("0", 0), ("512KiB", 1 << 19), ("64MiB", 1 << 26), ("2GiB", 1 << 31), ("50M", 50 << 20)]
)
def test_sizes(text: str, expected: int) -> None:
    assert byte_count(text) == expected


@pytest.mark.parametrize("text", ["", "-1", "64MB", "64 MiB", "1.5GiB", "0x10", "9" * 16])
def test_no_sizes(text: str) -> None:
    with pytest.raises(ValueError, match="no number of bytes"):
        byte_count(text)
