"""The permissions of each project role: one line per resource and action, one column per role (as Harbor's table).

Columns: A project administrator, M maintainer, D developer, G guest, L limited guest, P anyone on a public project.
The resource ``project`` stands for the project itself.
"""

from app.access.roles import Role

_COLUMNS = {
    "A": Role.PROJECT_ADMIN,
    "M": Role.MAINTAINER,
    "D": Role.DEVELOPER,
    "G": Role.GUEST,
    "L": Role.LIMITED_GUEST,
    "P": Role.PUBLIC,
}

_ROWS = """
project              read     AMDGLP
project              update   A-----
project              delete   A-----
member               create   A-----
member               read     AMDG--
member               update   A-----
member               delete   A-----
member               list     AMDG--
metadata             create   A-----
metadata             read     AM----
metadata             update   A-----
metadata             delete   A-----
log                  list     A-----
label                create   AM----
label                read     AMDG-P
label                update   AM----
label                delete   AM----
label                list     AMDG-P
quota                read     AMDGL-
repository           create   AMD---
repository           read     AMDGL-
repository           update   AMD---
repository           delete   AM----
repository           list     AMDGLP
repository           pull     AMDGLP
repository           push     AMD---
tag-retention        create   AMD---
tag-retention        read     AMD---
tag-retention        update   AMD---
tag-retention        delete   AMD---
tag-retention        list     AMD---
tag-retention        operate  AMD---
immutable-tag        create   AM----
immutable-tag        update   AM----
immutable-tag        delete   AM----
immutable-tag        list     AM----
configuration        read     AMDGL-
configuration        update   A-----
robot                create   A-----
robot                read     AMDG--
robot                update   A-----
robot                delete   A-----
robot                list     AMDG--
notification-policy  create   A-----
notification-policy  update   A-----
notification-policy  delete   A-----
notification-policy  list     AM----
notification-policy  read     AM----
scan                 create   AM----
scan                 read     AMDGLP
scan                 stop     AM----
sbom                 create   AM----
sbom                 stop     AM----
sbom                 read     AMDGL-
scanner              read     AMDGLP
scanner              create   A-----
artifact             create   AMD---
artifact             read     AMDGLP
artifact             delete   AM----
artifact             list     AMDGLP
artifact-addition    read     AMDGLP
tag                  list     AMDGLP
tag                  create   AMD---
tag                  delete   AM----
accessory            list     AMDGLP
artifact-label       create   AMD---
artifact-label       delete   AMD---
preheat-policy       create   A-----
preheat-policy       read     A-----
preheat-policy       update   A-----
preheat-policy       delete   A-----
preheat-policy       list     A-----
export-cve           create   AMD---
export-cve           read     AMD---
export-cve           list     AMD---
"""

PROJECT_ROLES: dict[tuple[str, str], frozenset[Role]] = {
    (resource, action): frozenset(_COLUMNS[mark] for mark in marks if mark != "-")
    for resource, action, marks in (row.split() for row in _ROWS.strip().splitlines())
}
"""(resource, action) -> the roles that hold it."""

SYSTEM_ADMINISTRATOR: dict[str, tuple[str, ...]] = {
    "catalog": ("read",),
    "audit-log": ("list",),
    "project": ("create", "read", "update", "delete", "list"),
    "user": ("create", "read", "update", "delete", "list"),
    "user-group": ("create", "read", "update", "delete", "list"),
    "registry": ("create", "read", "update", "delete", "list"),
    "replication": ("create", "read", "update", "list", "delete"),
    "distribution": ("create", "read", "update", "delete", "list"),
    "garbage-collection": ("create", "read", "update", "delete", "list"),
    "scan-all": ("create", "read", "update", "delete", "list", "stop"),
    "system-volumes": ("read",),
    "ldap-user": ("create", "list"),
    "configuration": ("read", "update"),
    "jobservice-monitor": ("read", "list", "stop"),
    "security-hub": ("read", "list"),
}
"""What a system administrator holds at system level."""

ROBOT_SYSTEM: dict[str, tuple[str, ...]] = {
    "audit-log": ("list",),
    "preheat-instance": ("read", "create", "delete", "list", "update"),
    "project": ("list", "create"),
    "replication-policy": ("read", "create", "delete", "list", "update"),
    "replication": ("read", "create", "list"),
    "replication-adapter": ("list",),
    "registry": ("read", "create", "delete", "list", "update"),
    "scan-all": ("read", "update", "stop", "create"),
    "system-volumes": ("read",),
    "garbage-collection": ("read", "create", "list", "update", "stop"),
    "purge-audit": ("read", "create", "list", "update", "stop"),
    "jobservice-monitor": ("list", "stop"),
    "scanner": ("read", "create", "delete", "list", "update"),
    "label": ("read", "create", "delete", "update"),
    "security-hub": ("read", "list"),
    "catalog": ("read",),
    "quota": ("read", "list", "update"),
    "robot": ("create", "read", "list", "delete"),
    "user": ("create", "read", "update", "list", "delete"),
    "ldap-user": ("create", "list"),
    "user-group": ("create", "read", "update", "list", "delete"),
}
"""What a system robot may be granted at system level (70 permissions)."""

ROBOT_PROJECT: dict[str, tuple[str, ...]] = {
    "log": ("list",),
    "project": ("read", "delete", "update"),
    "metadata": ("read", "create", "delete", "list", "update"),
    "repository": ("read", "update", "delete", "list", "pull", "push"),
    "artifact": ("read", "create", "list", "delete"),
    "scan": ("create", "read", "stop"),
    "sbom": ("create", "stop", "read"),
    "tag": ("create", "list", "delete"),
    "accessory": ("list",),
    "artifact-addition": ("read",),
    "artifact-label": ("create", "delete"),
    "scanner": ("create", "read"),
    "preheat-policy": ("read", "create", "delete", "list", "update"),
    "immutable-tag": ("create", "delete", "list", "update"),
    "notification-policy": ("read", "create", "delete", "list", "update"),
    "tag-retention": ("read", "create", "delete", "list", "update"),
    "label": ("read", "create", "delete", "list", "update"),
    "quota": ("read",),
    "robot": ("create", "read", "list", "delete"),
    "export-cve": ("create", "read"),
    "member": ("create", "read", "update", "list", "delete"),
}
"""What a robot may be granted in a project (70 permissions); push implies pull."""
