"""The installation's keys: remembered by the database, never made anew in silence, rotated without locking out."""

import shutil

import httpx
import jwt
import pytest
import sqlalchemy as sa
from flask import Flask

from app.context import Ports
from app.core.errors import PreconditionError, UnavailableError
from app.identity import fingerprints
from app.identity.fingerprints import KeyName, KeyState
from app.identity.following import FollowedKeys
from app.identity.key_folder import KeyFolder, new_key
from app.identity.models import InstallationKey
from app.identity.secret_files import replace
from app.wiring import build
from tests.support.browser import Browser
from tests.support.people import People
from tests.support.robots import entry, make_robot

WAY_OUT = "restore .*/secrets from the backup .*'pyharbor admin replace-lost-keys'"
NAMES = pytest.mark.parametrize("name", list(KeyName))


def _contents(folder: KeyFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


@NAMES
@pytest.mark.parametrize("fate", ["gone", "another"])
def test_a_start_with_other_keys_is_refused(ports: Ports, key_folder: KeyFolder, name: KeyName, fate: str) -> None:
    path = key_folder.file_of(name)
    path.unlink()
    if fate == "another":
        replace(path, new_key(name))
    before = _contents(key_folder)
    said = f"{path} is gone" if fate == "gone" else f"{path} is another one"
    with pytest.raises(PreconditionError, match=f"{said}; {WAY_OUT}") as refused:
        build(ports.settings)
    assert "\n" not in refused.value.message
    assert _contents(key_folder) == before


def test_a_lost_folder_is_refused_and_its_backup_taken(ports: Ports, key_folder: KeyFolder) -> None:
    backup = key_folder.path.with_name("backup")
    key_folder.path.rename(backup)
    with pytest.raises(PreconditionError, match=WAY_OUT):
        build(ports.settings)
    assert not key_folder.path.exists()
    backup.rename(key_folder.path)
    build(ports.settings).db.dispose()


def test_keys_from_before_the_database_remembered_any_are_taken(ports: Ports, key_folder: KeyFolder) -> None:
    with ports.db.write() as session:
        session.execute(sa.delete(InstallationKey))
    before = _contents(key_folder)
    build(ports.settings).db.dispose()
    assert _contents(key_folder) == before
    assert all(known.current for known in fingerprints.remembered(ports.db).values())


@pytest.mark.parametrize(("path", "mode"), [("", 0o750), ("secrets", 0o755), ("secrets/pepper-key", 0o640)])
def test_what_others_may_read_is_refused(ports: Ports, path: str, mode: int) -> None:
    opened = ports.settings.data_dir / path
    opened.chmod(mode)
    with pytest.raises(PreconditionError, match=f"open to others .*: run 'chmod [67]00 {str(opened).rstrip('/')}'"):
        build(ports.settings)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (KeyName.SIGNING, "/service/token?service=harbor-registry"),
        (KeyName.PEPPER, "/api/v2.0/users/current"),
    ],
)
def test_a_running_process_refuses_too_and_recovers(
    client: httpx.Client, people: People, key_folder: KeyFolder, name: KeyName, path: str
) -> None:
    auth = people["guest"].credentials
    kept = key_folder.path / "kept"
    key_folder.file_of(name).rename(kept)
    for _ in range(2):
        answer = client.get(path, auth=auth)
        assert answer.status_code == 503
        assert "not those that its database knows" in answer.text
        assert str(key_folder.path) not in answer.text
    assert not key_folder.file_of(name).exists()
    kept.rename(key_folder.file_of(name))
    assert client.get(path, auth=auth).status_code == 200


def test_a_browser_changes_nothing_without_the_csrf_key(app: Flask, people: People, key_folder: KeyFolder) -> None:
    browser, path = Browser(app).logged_in("guest"), key_folder.file_of(KeyName.CSRF)
    path.rename(path.with_name("kept"))
    profile = {"email": "guest@example.test", "realname": "Guest", "comment": ""}
    place = f"/api/v2.0/users/{people['guest'].id}"
    assert browser.put(place, json=profile).status_code == 503
    assert browser.who() == "guest"
    path.with_name("kept").rename(path)
    assert browser.put(place, json=profile).status_code == 200


def test_the_encryption_key_is_looked_at_again_too(ports: Ports, key_folder: KeyFolder) -> None:
    path = key_folder.file_of(KeyName.ENCRYPTION)
    kept = ports.keys.cipher.encrypt("secret")
    replace(path.with_name("kept"), path.read_bytes())
    replace(path, new_key(KeyName.ENCRYPTION))
    with pytest.raises(UnavailableError):
        ports.keys.cipher  # noqa: B018 - to look at it is the point
    path.with_name("kept").rename(path)
    assert ports.keys.cipher.decrypt(kept) == "secret"


def test_rotated_keys_lock_nobody_out(client: httpx.Client, app: Flask, people: People, key_folder: KeyFolder) -> None:
    admin = _as_admin(client, people)
    robot = make_robot(admin, "ci", entry("private", "repository:pull"))
    browser = Browser(app).logged_in("guest")
    cipher = FollowedKeys(key_folder).cipher.encrypt("secret")
    for _ in range(3):
        for name in (KeyName.ENCRYPTION, KeyName.CSRF, KeyName.PEPPER):
            key_folder.rotate(name)
    assert browser.who() == "guest"
    newer = make_robot(admin, "cd", entry("private", "repository:pull"))
    for each in (robot, newer):
        answer = client.get("/service/token", params={"service": "harbor-registry"}, auth=each.credentials)
        assert jwt.decode(answer.json()["token"], options={"verify_signature": False})["sub"] == each.name
    own = httpx.BasicAuth(*robot.credentials)
    assert client.patch(f"/api/v2.0/robots/{robot.id}", json={"secret": ""}, auth=own).status_code == 200
    assert FollowedKeys(key_folder).cipher.decrypt(cipher) == "secret"
    key_folder.check_in()
    for path in key_folder.path.glob("retired-pepper-key-*"):
        path.unlink()
    with pytest.raises(PreconditionError, match=f"3 of .*/retired-pepper-key-\\* are gone; {WAY_OUT}"):
        key_folder.check_in()


def test_at_once_ends_what_was_made_before(
    client: httpx.Client, app: Flask, people: People, key_folder: KeyFolder
) -> None:
    robot = make_robot(_as_admin(client, people), "ci", entry("private", "repository:pull"))
    browser = Browser(app).logged_in("guest")
    key_folder.rotate(KeyName.PEPPER)
    key_folder.rotate(KeyName.PEPPER, at_once=True)
    assert browser.who() is None
    assert client.get("/api/v2.0/users/current", auth=robot.credentials).status_code == 401
    assert not list(key_folder.path.glob("retired-*"))
    key_folder.check_in()


@pytest.mark.parametrize("at", ["announced", "replaced"])
@NAMES
def test_a_rotation_that_was_cut_off_is_settled_by_the_next_start(
    ports: Ports, key_folder: KeyFolder, monkeypatch: pytest.MonkeyPatch, name: KeyName, at: str
) -> None:
    def cut_off(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    target = "app.identity.key_folder.replace" if at == "announced" else "app.identity.fingerprints.promote"
    monkeypatch.setattr(target, cut_off)
    with pytest.raises(KeyboardInterrupt):
        key_folder.rotate(name)
    monkeypatch.undo()
    key_folder.check_in()
    key_folder.rotate(name)
    with ports.db.read() as session:
        states = session.scalars(sa.select(InstallationKey.state).where(InstallationKey.name == name)).all()
    assert states.count(KeyState.CURRENT) == 1
    assert KeyState.NEXT not in states


def test_lost_keys_are_replaced_on_demand(ports: Ports, key_folder: KeyFolder) -> None:
    key_folder.file_of(KeyName.PEPPER).unlink()
    key_folder.file_of(KeyName.CSRF).write_bytes(b"short")
    replace(key_folder.file_of(KeyName.ENCRYPTION), new_key(KeyName.ENCRYPTION))
    assert key_folder.replace_lost() == [KeyName.CSRF, KeyName.PEPPER]
    build(ports.settings).db.dispose()
    shutil.rmtree(key_folder.path)
    assert key_folder.replace_lost() == list(KeyName)
    build(ports.settings).db.dispose()


def _as_admin(client: httpx.Client, people: People) -> httpx.Client:
    return httpx.Client(
        transport=client._transport,
        base_url="http://registry.test/api/v2.0",
        auth=people["admin"].credentials,
    )
