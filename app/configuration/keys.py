"""The declarations of all configuration keys."""

from collections.abc import Mapping
from typing import Any, Final

from app.configuration import kinds
from app.configuration.key import Key, Kind, Readers, catalogue
from app.configuration.kinds import ENDPOINT, FILLED, FLAG, POLICY, PREFIX, SIZE, TEXT, TEXTS
from app.events.catalog import audit_types

AUDIT_EVENT_TYPES: Final = frozenset(audit_types())
"""The events that can be left out of the audit log, as operation and resource type: Harbor's eighteen, and ours."""
_AUTH_MODE: Final = kinds.choice("db_auth", "ldap_auth", "uaa_auth", "http_auth", "oidc_auth")
_EVENT_TYPES: Final[Kind[frozenset[str]]] = kinds.words(AUDIT_EVENT_TYPES, "audit event types")
_SCOPE: Final = kinds.one_of(0, 1, 2)
_POSITIVE: Final = kinds.number(1)
_DAYS: Final = kinds.number(1, kinds.LARGEST - 1)
"""The days of a robot's duration, which Harbor requires to be below the largest number."""
_ANONYMOUS: Final = Readers.ANONYMOUS
_ACCOUNTS: Final = Readers.ACCOUNTS
_PRODUCT: Final = Readers.PRODUCT


def _from_environment(name: str) -> Key[bool]:
    """Declare a switch that Harbor reads from its environment and neither sets nor shows."""
    return Key(name=name, default=False, kind=FLAG, readers=_PRODUCT, settable=False)


def _secret(name: str) -> Key[str]:
    return Key(name=name, default="", kind=TEXT, readers=_PRODUCT, secret=True)


def _text(name: str, default: str = "") -> Key[str]:
    return Key(name=name, default=default, kind=TEXT)


def _flag(name: str, *, default: bool) -> Key[bool]:
    return Key(name=name, default=default, kind=FLAG)


# System settings
AUTH_MODE: Final = Key(name="auth_mode", default="db_auth", kind=_AUTH_MODE, readers=_ANONYMOUS)
PRIMARY_AUTH_MODE: Final = Key(name="primary_auth_mode", default=False, kind=FLAG, readers=_ANONYMOUS)
SCAN_ALL_POLICY: Final[Key[Mapping[str, Any]]] = Key(name="scan_all_policy", default={}, kind=POLICY, settable=False)
PROJECT_CREATION_RESTRICTION: Final = Key(
    name="project_creation_restriction",
    default="everyone",
    kind=kinds.choice("everyone", "adminonly"),
    readers=_ACCOUNTS,
)
READ_ONLY: Final = _flag("read_only", default=False)
"""The administrator's switch in the write gate; ``/systeminfo`` shows the gate's state, which depends on leases too."""
SELF_REGISTRATION: Final = Key(name="self_registration", default=False, kind=FLAG, readers=_ANONYMOUS)
TOKEN_EXPIRATION: Final = Key(name="token_expiration", default=30, kind=_POSITIVE)
"""Minutes that a registry token is valid."""
ROBOT_TOKEN_DURATION: Final = Key(name="robot_token_duration", default=30, kind=_DAYS)
"""The duration in days of robots created without one."""
ROBOT_NAME_PREFIX: Final = Key(name="robot_name_prefix", default="robot$", kind=PREFIX)
NOTIFICATION_ENABLE: Final = Key(name="notification_enable", default=True, kind=FLAG, readers=_ACCOUNTS)
PULL_TIME_UPDATE_DISABLE: Final = _from_environment("pull_time_update_disable")
PULL_COUNT_UPDATE_DISABLE: Final = _from_environment("pull_count_update_disable")
PULL_AUDIT_LOG_DISABLE: Final = _from_environment("pull_audit_log_disable")
AUDIT_LOG_FORWARD_ENDPOINT: Final = Key(name="audit_log_forward_endpoint", default="", kind=ENDPOINT)
SKIP_AUDIT_LOG_DATABASE: Final = _flag("skip_audit_log_database", default=False)
SCANNER_SKIP_UPDATE_PULLTIME: Final = _flag("scanner_skip_update_pulltime", default=False)
DISABLED_AUDIT_LOG_EVENT_TYPES: Final[Key[frozenset[str]]] = Key(
    name="disabled_audit_log_event_types", default=frozenset(), kind=_EVENT_TYPES
)
SESSION_TIMEOUT: Final = Key(name="session_timeout", default=60, kind=_POSITIVE)
"""Minutes that a session lasts unused."""
SESSION_LIFETIME: Final = Key(name="session_lifetime", default=7 * 24 * 60, kind=_POSITIVE, ours=True)
"""Minutes after which a session ends however often it was renewed."""
IDENTITY_TOKENS: Final = Key(name="identity_tokens", default=False, kind=FLAG, ours=True)
"""Whether ``docker login`` is given an identity token."""
BANNER_MESSAGE: Final = Key(name="banner_message", default="", kind=TEXT, readers=_ANONYMOUS)

# LDAP
LDAP_BASE_DN: Final = Key(name="ldap_base_dn", default="", kind=FILLED, starts_empty=True)
LDAP_FILTER: Final = _text("ldap_filter")
LDAP_SCOPE: Final = Key(name="ldap_scope", default=2, kind=_SCOPE)
LDAP_SEARCH_DN: Final = _text("ldap_search_dn")
LDAP_SEARCH_PASSWORD: Final = _secret("ldap_search_password")
LDAP_TIMEOUT: Final = Key(name="ldap_timeout", default=5, kind=_POSITIVE)
"""Seconds."""
LDAP_UID: Final = Key(name="ldap_uid", default="cn", kind=FILLED)
LDAP_URL: Final = Key(name="ldap_url", default="", kind=FILLED, starts_empty=True)
LDAP_VERIFY_CERT: Final = _flag("ldap_verify_cert", default=True)
LDAP_GROUP_MEMBERSHIP_ATTRIBUTE: Final = _text("ldap_group_membership_attribute", "memberof")
LDAP_GROUP_ATTACH_PARALLEL: Final = _flag("ldap_group_attach_parallel", default=False)
LDAP_GROUP_BASE_DN: Final = _text("ldap_group_base_dn")
LDAP_GROUP_ADMIN_DN: Final = _text("ldap_group_admin_dn")
LDAP_GROUP_ATTRIBUTE_NAME: Final = _text("ldap_group_attribute_name")
LDAP_GROUP_SEARCH_FILTER: Final = _text("ldap_group_search_filter")
LDAP_GROUP_SEARCH_SCOPE: Final = Key(name="ldap_group_search_scope", default=2, kind=_SCOPE)

# Authentication proxy
HTTP_AUTHPROXY_ENDPOINT: Final = _text("http_authproxy_endpoint")
HTTP_AUTHPROXY_TOKENREVIEW_ENDPOINT: Final = _text("http_authproxy_tokenreview_endpoint")
HTTP_AUTHPROXY_ADMIN_GROUPS: Final = _text("http_authproxy_admin_groups")
HTTP_AUTHPROXY_ADMIN_USERNAMES: Final = _text("http_authproxy_admin_usernames")
HTTP_AUTHPROXY_VERIFY_CERT: Final = _flag("http_authproxy_verify_cert", default=True)
HTTP_AUTHPROXY_SKIP_SEARCH: Final = _flag("http_authproxy_skip_search", default=False)
HTTP_AUTHPROXY_SERVER_CERTIFICATE: Final = _text("http_authproxy_server_certificate")

# OIDC
OIDC_NAME: Final = _text("oidc_name")
OIDC_ENDPOINT: Final = _text("oidc_endpoint")
OIDC_CLIENT_ID: Final = _text("oidc_client_id")
OIDC_CLIENT_SECRET: Final = _secret("oidc_client_secret")
OIDC_GROUPS_CLAIM: Final = _text("oidc_groups_claim")
OIDC_ADMIN_GROUP: Final = _text("oidc_admin_group")
OIDC_GROUP_FILTER: Final = _text("oidc_group_filter")
OIDC_SCOPE: Final = _text("oidc_scope")
OIDC_USER_CLAIM: Final = _text("oidc_user_claim")
OIDC_VERIFY_CERT: Final = _flag("oidc_verify_cert", default=True)
OIDC_AUTO_ONBOARD: Final = _flag("oidc_auto_onboard", default=False)
OIDC_EXTRA_REDIRECT_PARMS: Final[Key[Mapping[str, str]]] = Key(name="oidc_extra_redirect_parms", default={}, kind=TEXTS)
OIDC_LOGOUT: Final = _flag("oidc_logout", default=False)

# UAA
UAA_CLIENT_ID: Final = _text("uaa_client_id")
UAA_CLIENT_SECRET: Final = _secret("uaa_client_secret")
UAA_ENDPOINT: Final = _text("uaa_endpoint")
UAA_VERIFY_CERT: Final = _flag("uaa_verify_cert", default=False)

# Quotas
QUOTA_PER_PROJECT_ENABLE: Final = _flag("quota_per_project_enable", default=True)
STORAGE_PER_PROJECT: Final = Key(name="storage_per_project", default=-1, kind=SIZE)
"""Bytes that a new project may hold, -1 for no limit."""

KEYS: Final = catalogue(value for value in tuple(globals().values()) if isinstance(value, Key))
"""All keys of this file, by name."""


def pin_mistakes(pins: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the mistakes in the values that the environment pins, by variable name; ignore names of no key."""
    return {
        key.variable: [f"must be {key.kind.expectation}"]
        for name, key in KEYS.items()
        if name in pins and key.kind.parse(pins[name]) is None
    }
