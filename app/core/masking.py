"""Mask credentials in URLs, malformed ones included, and in similar texts."""

import re
from typing import Final
from urllib.parse import unquote

_HIDDEN: Final = "***"
_SHOWN: Final = frozenset(
    {"application_name", "channel_binding", "connect_timeout", "dbname", "gssencmode", "host", "hostaddr", "keepalives"}
    | {"load_balance_hosts", "mode", "port", "sslcert", "sslmode", "sslrootcert", "target_session_attrs", "user"}
)
"""Parameters whose values are shown; all others may be secrets."""
_OF_FILES: Final = ("", "sqlite://")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PARAMETER: Final = re.compile(r"([^\s?&;=]+)=([^&]*)")
_PLAIN: Final = re.compile(r"[\w.,:/\[\]-]*")
"""A value that cannot contain another parameter."""


def masked(text: str) -> str:
    """Return the text with its secrets replaced by ``***``.

    Masked are everything between the user's name and the last ``@``, and the value, up to the next ``&``, of every
    parameter that is not known to be harmless. A user's name without a password is shown only in a PostgreSQL URL;
    an ``@`` in the path of a file is no credential.
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
