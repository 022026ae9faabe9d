"""Which identity source is asked is decided in one room: nothing else names an authentication mode."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODES = re.compile(r"\b(?:db|ldap|oidc|http|uaa)_auth\b|\bAUTH_MODE\b")
MAY = ("app/identity/", "app/configuration/", "app/system/service.py")
"""Identity, the declaration of the key, and ``/systeminfo``, which shows it."""


def test_no_other_room_names_a_mode() -> None:
    files = [file for folder in ("app", "activities", "workflows") for file in (ROOT / folder).rglob("*.py")]
    named = {str(file.relative_to(ROOT)) for file in files if MODES.search(file.read_text())}
    assert {name for name in named if not name.startswith(MAY)} == set()
    assert "app/configuration/keys.py" in named
