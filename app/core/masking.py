"""What may be shown of a text that can hold credentials: URLs, also odd ones, and what people mistake for them."""

import re
from typing import Final
from urllib.parse import unquote

_HIDDEN: Final = "***"
_SHOWN: Final = frozenset(
    {"application_name", "channel_binding", "connect_timeout", "dbname", "gssencmode", "host", "hostaddr", "keepalives"}
    | {"load_balance_hosts", "mode", "port", "sslcert", "sslmode", "sslrootcert", "target_session_attrs", "user"}
)
"""Parameters whose values are no secrets; of any other nobody knows."""
_OF_FILES: Final = ("", "sqlite://")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PARAMETER: Final = re.compile(r"([^\s?&;=]+)=([^&]*)")
_PLAIN: Final = re.compile(r"[\w.,:/\[\]-]*")
"""A value that hides no second parameter."""


def masked(text: str) -> str:
    """The text without passwords.

    What stands between a user's name and the last ``@`` is hidden, whatever it looks like, and so is the value of every
    parameter that is not known to be harmless, to the next ``&``. A user's name alone is shown in a database's URL
    only, and an ``@`` is left alone in the path of a file only.
    """
    scheme = match[0] if (match := _SCHEME.match(text)) else ""
    rest = text[len(scheme) :]
    if "@" in rest and not (rest.startswith("/") and scheme in _OF_FILES):
        userinfo, _, place = rest.rpartition("@")
        name, colon, _ = userinfo.partition(":")
        alone = name if scheme.startswith("postgresql") and _PLAIN.fullmatch(name) else _HIDDEN
        rest = f"{name}:{_HIDDEN}@{place}" if colon else f"{alone}@{place}"
    return scheme + _PARAMETER.sub(_parameter, rest)


def _parameter(match: re.Match[str]) -> str:
    name, value = match[1], match[2]
    return f"{name}={value if unquote(name).lower() in _SHOWN and _PLAIN.fullmatch(value) else _HIDDEN}"
