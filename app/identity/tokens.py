"""Registry tokens: signing, verifying, and a cache of verified ones."""

import hashlib
import json
import math
import secrets
import string
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import jwt

from app.access.principals import Principal, PrincipalKind
from app.configuration.keys import TOKEN_EXPIRATION
from app.configuration.service import ConfigurationService
from app.context import Context
from app.core.cache import Cache
from app.core.clock import Clock
from app.core.errors import TokenInvalid
from app.identity.signing import LEEWAY, SigningKeys

ISSUER = "harbor-token-issuer"
AUDIENCE = "harbor-registry"
"""The audience of tokens, and the service name at the token service and in challenges."""
_ALGORITHM = "RS256"
_OWN = "harbor"
_ID_ALPHABET = string.ascii_letters + string.digits
_ID_LENGTH = 16
_CACHED_BYTES = 4 * 1024 * 1024
_REPOSITORY_BYTES = 512
"""The memory that a cached token takes per repository: name, key, and the set of actions."""
_ACCESS_BYTES = 6_800
"""The limit of a token's access as JSON, so that it fits one header field (12 KiB) with the longest name."""
_REQUIRED = ["iss", "aud", "exp", "nbf", "iat", "jti"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The actions that a token allows on one resource (distribution's token specification, ``access``)."""

    type: str
    name: str
    actions: tuple[str, ...]
    resource_class: str = ""
    by_public: bool = False
    """Whether pulling is allowed only because the project is public, which is checked again at each use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedToken:
    """A token as the token service issues it."""

    token: str
    expires_in: int
    """Seconds."""
    issued_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedToken:
    """A token with a valid signature and time; whether its principal is still valid is checked separately."""

    kind: PrincipalKind
    id: int
    version: int
    expires_at: float
    """Seconds since 1970, leeway included."""
    kid: str
    """The name of the key that signed it."""
    repositories: dict[str, frozenset[str]] = field(default_factory=dict)
    by_public: frozenset[str] = frozenset()
    catalog: bool = False


class Tokens:
    """Signs and verifies the tokens of this installation, for one process."""

    def __init__(self, keys: SigningKeys, clock: Clock, lifetime: Callable[[], timedelta]) -> None:
        """Sign with ``keys``, each token for the ``lifetime`` configured when it is issued."""
        self._keys = keys
        self._clock = clock
        self._lifetime = lifetime
        self._verified: Cache[bytes, VerifiedToken] = Cache(_CACHED_BYTES, _cost)

    def issue(self, principal: Principal, access: Sequence[Access]) -> IssuedToken:
        """Sign a token with this access for the configured time, at most until ``principal`` expires.

        Access that does not fit a header is left out; a client that needs it gets a challenge and requests another
        token.
        """
        access = list(_fitting(access))
        now = self._clock.now().replace(microsecond=0)
        issued = int(now.timestamp())
        lifetime = int(min(self._lifetime().total_seconds(), (principal.expires_at or math.inf) - issued))
        claims = {
            "iss": ISSUER,
            "sub": principal.name,
            "aud": AUDIENCE,
            "exp": issued + lifetime,
            "nbf": issued,
            "iat": issued,
            "jti": "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH)),
            "access": [_entry(item) for item in access],
            _OWN: {
                "kind": principal.kind.value,
                "id": principal.id,
                "version": principal.version,
                "by_public": [item.name for item in access if item.by_public],
            },
        }
        key = self._keys.signing()
        token = jwt.encode(claims, key.private, algorithm=_ALGORITHM, headers={"kid": key.kid})
        return IssuedToken(token=token, expires_in=lifetime, issued_at=now)

    def verify(self, header: str) -> VerifiedToken:
        """Return the token of an ``Authorization: Bearer`` header; raise TokenInvalid when it is foreign or expired."""
        key = hashlib.sha256(header.encode()).digest()
        cached = self._verified.get(key)
        if cached is not None:
            now = self._clock.now()
            if now.timestamp() < cached.expires_at and self._keys.verification(cached.kid, now) is not None:
                return cached
            self._verified.forget(key)
            raise TokenInvalid("the token has expired")
        verified = self._check(header.partition(" ")[2].strip())
        self._verified.put(key, verified)
        return verified

    def _check(self, token: str) -> VerifiedToken:
        try:
            kid = jwt.get_unverified_header(token).get("kid", "")
            key = self._keys.verification(kid, self._clock.now())
            if key is None:
                raise TokenInvalid("the token is signed with an unknown key")
            claims = jwt.decode(
                token,
                key,
                algorithms=[_ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={"require": _REQUIRED, "verify_exp": False, "verify_nbf": False, "verify_iat": False},
            )
            verified = _read(claims, kid)
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise TokenInvalid from error
        now = self._clock.now().timestamp()
        if not claims["nbf"] - LEEWAY.total_seconds() <= now < verified.expires_at:
            raise TokenInvalid("the token has expired" if now >= verified.expires_at else "the token is not valid yet")
        return verified


def lifetime_now(ctx: Context) -> timedelta:
    """Return the configured lifetime of registry tokens."""
    return timedelta(minutes=ConfigurationService(ctx).recent(TOKEN_EXPIRATION))


def _cost(token: VerifiedToken) -> int:
    return _REPOSITORY_BYTES * (1 + len(token.repositories))


def _fitting(access: Sequence[Access]) -> Iterator[Access]:
    left = _ACCESS_BYTES
    for item in access:
        size = len(json.dumps([_entry(item), item.name if item.by_public else ""]))
        if size <= left:
            left -= size
            yield item


def _entry(item: Access) -> dict[str, Any]:
    entry: dict[str, Any] = {"type": item.type, "name": item.name, "actions": list(item.actions)}
    if item.resource_class:
        entry["class"] = item.resource_class
    return entry


def _read(claims: dict[str, Any], kid: str) -> VerifiedToken:
    own = claims[_OWN]
    access = claims.get("access") or []
    return VerifiedToken(
        kind=PrincipalKind(own["kind"]),
        id=int(own["id"]),
        version=int(own["version"]),
        expires_at=float(claims["exp"]) + LEEWAY.total_seconds(),
        kid=kid,
        repositories={item["name"]: frozenset(item["actions"]) for item in access if item["type"] == "repository"},
        by_public=frozenset(own["by_public"]),
        catalog=any(
            item["type"] == "registry" and item["name"] == "catalog" and "*" in item["actions"] for item in access
        ),
    )
