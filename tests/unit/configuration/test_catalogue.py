"""Declarations of configuration keys that contradict themselves, and the values that kinds take."""

from typing import Any

import pytest

from app.configuration import kinds
from app.configuration.key import Key, Kind, Readers, catalogue
from app.configuration.keys import AUDIT_EVENT_TYPES, KEYS
from app.core.errors import InternalError

HARBORS_EVENT_TYPES = frozenset(
    f"{operation}_{kind}"
    for kind, operations in {
        "artifact": ("create", "delete", "pull"),
        "project": ("create", "delete", "update"),
        "repository": ("delete",),
        "user": ("login", "logout", "create", "delete", "update"),
        "robot": ("create", "delete"),
        "configuration": ("update",),
        "member": ("create", "delete", "update"),
    }.items()
    for operation in operations
)
NEW = Key(name="new_key", default=1, kind=kinds.number(1, 9))


def test_all_of_harbors_keys_and_two_of_ours() -> None:
    assert len(KEYS) == 61 + 2
    assert [name for name, key in KEYS.items() if key.ours] == ["session_lifetime", "identity_tokens"]
    assert len([key for key in KEYS.values() if key.settable and not key.ours]) == 57
    assert len([key for key in KEYS.values() if key.readers is not Readers.PRODUCT and not key.ours]) == 56 - 1
    assert len(AUDIT_EVENT_TYPES & HARBORS_EVENT_TYPES) == len(HARBORS_EVENT_TYPES) == 18


def test_a_new_key_is_one_declaration() -> None:
    assert catalogue([*KEYS.values(), NEW])["new_key"] is NEW


@pytest.mark.parametrize(
    ("keys", "mistake"),
    [
        ([NEW, NEW], "new_key: declared twice"),
        ([*KEYS.values(), Key(name="read_only", default="", kind=kinds.TEXT)], "read_only: declared twice"),
        ([Key(name="New", default="", kind=kinds.TEXT)], "New: a name is"),
        ([Key(name="new", default=0, kind=kinds.number(1, 9))], "new: the default must be a whole number from 1 to 9"),
        ([Key(name="new", default="", kind=kinds.FILLED)], "new: starts_empty"),
        ([Key(name="new", default="x", kind=kinds.FILLED, starts_empty=True)], "new: starts_empty"),
        ([Key(name="new", default="", kind=kinds.TEXT, starts_empty=True)], "new: starts_empty"),
        ([Key(name="new_password", default="", kind=kinds.TEXT)], "new_password: the name says"),
        ([Key(name="new", default="", kind=kinds.TEXT, secret=True)], "new: a secret has no default and no readers"),
        (
            [Key(name="new", default="known", kind=kinds.TEXT, secret=True, readers=Readers.PRODUCT)],
            "new: a secret has no default and no readers",
        ),
        ([Key(name="new", default="", kind=kinds.TEXT, readers=Readers.PRODUCT)], "new: what the management API sets"),
    ],
    ids=[
        "twice",
        "twice with Harbor's",
        "capital letter",
        "wrong default",
        "starts empty in silence",
        "starts empty and does not",
        "starts empty for no reason",
        "secret by its name",
        "secret that people read",
        "secret with a default",
        "set and not shown",
    ],
)
def test_what_contradicts_itself_is_named(keys: list[Key[Any]], mistake: str) -> None:
    with pytest.raises(InternalError) as raised:
        catalogue(keys)
    assert mistake in raised.value.message


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (kinds.FLAG, "True", True),
        (kinds.FLAG, "0", False),
        (kinds.FLAG, "yes", None),
        (kinds.SIZE, "-1", -1),
        (kinds.SIZE, "1", 1),
        (kinds.SIZE, str(2**63 - 1), 2**63 - 1),
        (kinds.SIZE, str(2**63), None),
        (kinds.SIZE, "0", None),
        (kinds.SIZE, "-2", None),
        (kinds.SIZE, "1" * 5000, None),
        (kinds.number(1), "٣", None),
        (kinds.number(1), "--1", None),
        (kinds.number(1), " 60 ", 60),
        (kinds.ENDPOINT, "", ""),
        (kinds.ENDPOINT, "log.test:514", "log.test:514"),
        (kinds.ENDPOINT, "[::1]:514", "[::1]:514"),
        (kinds.ENDPOINT, "log.test:0", None),
        (kinds.ENDPOINT, "http://log.test:514", None),
        (kinds.TEXTS, '{"prompt":"login"}', {"prompt": "login"}),
        (kinds.TEXTS, '{"prompt":1}', None),
        (kinds.TEXTS, "[" * 16_000, None),
        (kinds.TEXT, "a\0b", None),
    ],
)
def test_texts_become_values(kind: Kind[Any], text: str, value: object) -> None:
    assert kind.parse(text) == value
    if value is not None:
        assert kind.parse(kind.write(value)) == value
