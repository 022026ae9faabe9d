"""The configuration for the tests: set through the management API, and values that each key can and cannot have."""

from collections.abc import Iterator
from typing import Any, Final

import httpx

from app.configuration import kinds
from app.configuration.key import Key, Wire
from app.configuration.keys import KEYS

_RIGHT: Final = {
    "auth_mode": "ldap_auth",
    "project_creation_restriction": "adminonly",
    "audit_log_forward_endpoint": "log.test:514",
    "disabled_audit_log_event_types": "create_user,pull_artifact",
    "ldap_scope": 0,
    "ldap_group_search_scope": 1,
    "oidc_extra_redirect_parms": '{"prompt":"login"}',
    "storage_per_project": 1 << 40,
}
_WRONG: Final[dict[int, tuple[Any, ...]]] = {
    id(kinds.SIZE): (0, -2),
    id(kinds.FILLED): ("", "  ", "x" * 16_385),
    id(kinds.PREFIX): ("", "a:b", "a b", "x" * 65),
    id(kinds.ENDPOINT): ("nowhere", "log.test:0", "log.test:65536", "u:p@log.test:514", "http://log.test:514"),
    id(kinds.TEXTS): ("", "no", "[]", '{"a": 1}', '{"a": "\\ud800"}', '{"\\udfff": "a"}', '{"a": "\\u0000"}'),
    id(kinds.TEXT): ("x" * 16_385,),
    id(kinds.FLAG): (),
    id(KEYS["disabled_audit_log_event_types"].kind): ("create_artifact,nothing", "all"),
    id(KEYS["ldap_scope"].kind): (3, -1),
    id(KEYS["session_timeout"].kind): (0, -1, 2**31),
    id(KEYS["robot_token_duration"].kind): (0, -1, 2**31 - 1),
}


def configure(client: httpx.Client, **values: object) -> None:
    """Set keys in the name of an administrator's client of the management API."""
    answer = client.put("/configurations", json=values)
    assert answer.status_code == 200, answer.text


def right_value(key: Key[Any]) -> Any:  # noqa: ANN401 - JSON
    """Return a value that the key can have and that is not its default, as JSON."""
    match key.kind.wire:
        case Wire.BOOLEAN:
            return not key.default
        case Wire.INTEGER:
            return _RIGHT.get(key.name, 7)
        case _:
            return _RIGHT.get(key.name, f"{key.name}-value")


def wrong_values(key: Key[Any]) -> Iterator[Any]:
    """Yield values of the right JSON type that the key cannot have."""
    yield from _WRONG.get(id(key.kind), ("nothing",))
