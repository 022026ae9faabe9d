"""Harbor's table of roles, written down a second time and not taken from the product: who may do what in a project.

Columns: project administrator, maintainer, developer, guest, limited guest, anyone on a public project. ``.`` is the
project itself.
"""

COLUMNS = ("master", "maintainer", "developer", "guest", "limited", "stranger")
"""The tests' people who hold the roles; the last holds none."""
TOTALS = (75, 53, 36, 20, 14, 12)

ROWS = """
.                    read     x x x x x x
.                    update   x - - - - -
.                    delete   x - - - - -
member               create   x - - - - -
member               read     x x x x - -
member               update   x - - - - -
member               delete   x - - - - -
member               list     x x x x - -
metadata             create   x - - - - -
metadata             read     x x - - - -
metadata             update   x - - - - -
metadata             delete   x - - - - -
log                  list     x - - - - -
label                create   x x - - - -
label                read     x x x x - x
label                update   x x - - - -
label                delete   x x - - - -
label                list     x x x x - x
quota                read     x x x x x -
repository           create   x x x - - -
repository           read     x x x x x -
repository           update   x x x - - -
repository           delete   x x - - - -
repository           list     x x x x x x
repository           pull     x x x x x x
repository           push     x x x - - -
tag-retention        create   x x x - - -
tag-retention        read     x x x - - -
tag-retention        update   x x x - - -
tag-retention        delete   x x x - - -
tag-retention        list     x x x - - -
tag-retention        operate  x x x - - -
immutable-tag        create   x x - - - -
immutable-tag        update   x x - - - -
immutable-tag        delete   x x - - - -
immutable-tag        list     x x - - - -
configuration        read     x x x x x -
configuration        update   x - - - - -
robot                create   x - - - - -
robot                read     x x x x - -
robot                update   x - - - - -
robot                delete   x - - - - -
robot                list     x x x x - -
notification-policy  create   x - - - - -
notification-policy  update   x - - - - -
notification-policy  delete   x - - - - -
notification-policy  list     x x - - - -
notification-policy  read     x x - - - -
scan                 create   x x - - - -
scan                 read     x x x x x x
scan                 stop     x x - - - -
sbom                 create   x x - - - -
sbom                 stop     x x - - - -
sbom                 read     x x x x x -
scanner              read     x x x x x x
scanner              create   x - - - - -
artifact             create   x x x - - -
artifact             read     x x x x x x
artifact             delete   x x - - - -
artifact             list     x x x x x x
artifact-addition    read     x x x x x x
tag                  list     x x x x x x
tag                  create   x x x - - -
tag                  delete   x x - - - -
accessory            list     x x x x x x
artifact-label       create   x x x - - -
artifact-label       delete   x x x - - -
preheat-policy       create   x - - - - -
preheat-policy       read     x - - - - -
preheat-policy       update   x - - - - -
preheat-policy       delete   x - - - - -
preheat-policy       list     x - - - - -
export-cve           create   x x x - - -
export-cve           read     x x x - - -
export-cve           list     x x x - - -
"""

HELD = {
    who: {(row.split()[0], row.split()[1]) for row in ROWS.strip().splitlines() if row.split()[2 + number] == "x"}
    for number, who in enumerate(COLUMNS)
}
"""Person -> the (resource, action) that the role gives."""

SYSTEM = """
catalog              read
audit-log            list
project              create read update delete list
user                 create read update delete list
user-group           create read update delete list
registry             create read update delete list
replication          create read update list delete
distribution         create read update delete list
garbage-collection   create read update delete list
scan-all             create read update delete list stop
system-volumes       read
ldap-user            create list
configuration        read update
jobservice-monitor   read list stop
security-hub         read list
"""
"""What a system administrator may at system level."""
HELD_IN_SYSTEM = {
    (resource, action)
    for resource, *actions in (row.split() for row in SYSTEM.strip().splitlines())
    for action in actions
}
