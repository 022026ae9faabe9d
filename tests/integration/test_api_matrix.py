"""Who may call what: every operation against every kind of caller, on a private and on a public project."""

from dataclasses import dataclass

import httpx
import pytest
from flask import Flask

from app.web.openapi import document
from tests.contract.api.compare import operations
from tests.integration.conftest import Caller
from tests.support.manifests import push_image
from tests.support.people import People

PEOPLE = (None, "stranger", "limited", "guest", "developer", "maintainer", "master", "admin")
"""``stranger`` is a member of another project; nobody comes first, the mightiest last."""
ROBOTS = ("robot$private+all", "robot$all", "robot$little")
"""One with all that a robot may be granted in the private project, one with all everywhere, one that may only pull."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What each of PEOPLE and of ROBOTS is answered, in their order."""

    people: tuple[int, ...]
    robots: tuple[int, ...]

    def elsewhere(self) -> "Answers":
        """The same on the public project, where the private one's robot is a stranger."""
        return Answers(self.people, (self.people[1], *self.robots[1:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call, and its answers on a private and on a public project."""

    path: str
    private: Answers
    public: Answers | None = None
    body: dict[str, object] | None = None


def everybody(status: int) -> Answers:
    return Answers((status,) * len(PEOPLE), (status,) * len(ROBOTS))


def somebody(status: int, robots: tuple[int, ...] | None = None) -> Answers:
    return Answers((401, *(status,) * (len(PEOPLE) - 1)), robots or (status,) * len(ROBOTS))


def members(status: int, robots: tuple[int, ...] | None = None) -> Answers:
    return Answers((401, 403, *(status,) * (len(PEOPLE) - 2)), robots or (status, status, 403))


def from_guest(status: int, robots: tuple[int, ...] | None = None) -> Answers:
    return Answers((401, 403, 403, *(status,) * (len(PEOPLE) - 3)), robots or (status, status, 403))


def from_developer(status: int, robots: tuple[int, ...] | None = None) -> Answers:
    return Answers((401, 403, 403, 403, status, status, status, status), robots or (status, status, 403))


def from_maintainer(status: int, robots: tuple[int, ...] | None = None) -> Answers:
    return Answers((401, 403, 403, 403, 403, status, status, status), robots or (status, status, 403))


def from_master(status: int, robots: tuple[int, ...] | None = None) -> Answers:
    return Answers((401, 403, 403, 403, 403, 403, status, status), robots or (status, status, 403))


def administrators(status: int, robots: tuple[int, ...] | None = None) -> Answers:
    return Answers((401, *(403,) * (len(PEOPLE) - 2), status), robots or (403, status, 403))


NO_ROBOT = (403, 403, 403)
"""No robot can be granted it."""
_REPOSITORIES = "/projects/{project}/repositories"
_ADDITIONS = _REPOSITORIES + "/app/artifacts/1/additions"
_DELETIONS = "/projects/{project}/deletions"
_METADATAS = "/projects/{project}/metadatas/"
_TAGS = _REPOSITORIES + "/app/artifacts/1/tags"
_IMMUTABLE = "/projects/{project}/immutabletagrules"
_MEMBERS = "/projects/{project}/members"
_GUEST: dict[str, object] = {"username": "guest", "password": "Harbor12345", "email": "other@example.test"}
_ROBOTS = "/projects/{project}/robots"
MATRIX = {
    "getPing": Case(path="/ping", private=everybody(200)),
    "getHealth": Case(path="/health", private=everybody(200)),
    "getSystemInfo": Case(path="/systeminfo", private=everybody(200)),
    "getConfigurations": Case(path="/configurations", private=administrators(200, NO_ROBOT)),
    "updateConfigurations": Case(path="/configurations", private=administrators(400, NO_ROBOT), body={"ldap_scope": 3}),
    "getInternalconfig": Case(path="/internalconfig", private=somebody(403)),
    "getVolumes": Case(path="/systeminfo/volumes", private=administrators(200)),
    "getCert": Case(path="/systeminfo/getcert", private=everybody(404)),
    "getLogs": Case(path="/projects/{project}/logs", private=from_master(200), public=from_master(200)),
    "getLogExts": Case(path="/projects/{project}/auditlog-exts", private=from_master(200), public=from_master(200)),
    "listAuditLogs": Case(path="/audit-logs", private=somebody(200)),
    "listAuditLogExts": Case(path="/auditlog-exts", private=somebody(200)),
    "listAuditLogEventTypes": Case(path="/auditlog-exts/events", private=administrators(200)),
    "getStatistic": Case(path="/statistics", private=somebody(200)),
    "search": Case(path="/search?q=app", private=everybody(200)),
    "getCurrentUserInfo": Case(path="/users/current", private=somebody(200, (412, 412, 412))),
    "listUsers": Case(path="/users", private=administrators(200)),
    "createUser": Case(path="/users", private=administrators(409), body=_GUEST | {"realname": "Guest"}),
    "searchUsers": Case(path="/users/search?username=guest", private=somebody(200)),
    "getUser": Case(path="/users/777", private=administrators(404)),
    "updateUserProfile": Case(path="/users/777", private=administrators(404), body={"email": "a@example.test"}),
    "deleteUser": Case(path="/users/777", private=administrators(404)),
    "setUserSysAdmin": Case(
        path="/users/777/sysadmin", private=administrators(404, NO_ROBOT), body={"sysadmin_flag": True}
    ),
    "updateUserPassword": Case(path="/users/777/password", private=administrators(400), body={"new_password": "weak"}),
    "setCliSecret": Case(path="/users/777/cli_secret", private=everybody(412), body={"secret": "Harbor12345"}),
    "listUserGroups": Case(path="/usergroups", private=administrators(200)),
    "createUserGroup": Case(path="/usergroups", private=administrators(400), body={"group_name": "a", "group_type": 9}),
    "searchUserGroups": Case(path="/usergroups/search?groupname=a", private=somebody(200)),
    "getUserGroup": Case(path="/usergroups/777", private=administrators(404)),
    "updateUserGroup": Case(path="/usergroups/777", private=administrators(404), body={"group_name": "a"}),
    "deleteUserGroup": Case(path="/usergroups/777", private=administrators(404)),
    "listProjects": Case(path="/projects", private=everybody(200)),
    "createProject": Case(path="/projects", private=somebody(409, (403, 409, 403)), body={"project_name": "private"}),
    "headProject": Case(path="/projects?project_name=private", private=somebody(200)),
    "getProject": Case(path="/projects/{project}", private=members(200), public=everybody(200)),
    "deleteProject": Case(path="/projects/{project}", private=from_master(412), public=from_master(412)),
    "updateProject": Case(
        path="/projects/{project}",
        private=from_master(400),
        public=from_master(400),
        body={"metadata": {"severity": "awful"}},
    ),
    "getProjectDeletable": Case(
        path="/projects/{project}/_deletable", private=from_master(200), public=from_master(200)
    ),
    "getProjectSummary": Case(path="/projects/{project}/summary", private=members(200), public=everybody(200)),
    "listProjectMetadatas": Case(
        path=_METADATAS, private=administrators(200, (200, 200, 403)), public=administrators(200)
    ),
    "addProjectMetadatas": Case(path=_METADATAS, private=from_master(400), public=from_master(400), body={}),
    "getProjectMetadata": Case(path=_METADATAS + "public", private=from_maintainer(200), public=from_maintainer(200)),
    "updateProjectMetadata": Case(
        path=_METADATAS + "public", private=from_master(400), public=from_master(400), body={}
    ),
    "deleteProjectMetadata": Case(path=_METADATAS + "severity", private=from_master(404), public=from_master(404)),
    "getSystemCVEAllowlist": Case(path="/system/CVEAllowlist", private=somebody(200)),
    "putSystemCVEAllowlist": Case(
        path="/system/CVEAllowlist", private=administrators(400, NO_ROBOT), body={"project_id": 1}
    ),
    "listProjectMembers": Case(path=_MEMBERS, private=from_guest(200), public=from_guest(200)),
    "createProjectMember": Case(path=_MEMBERS, private=from_master(400), public=from_master(400)),
    "getProjectMember": Case(path=_MEMBERS + "/777", private=from_guest(404), public=from_guest(404)),
    "updateProjectMember": Case(
        path=_MEMBERS + "/777", private=from_master(404), public=from_master(404), body={"role_id": 3}
    ),
    "deleteProjectMember": Case(path=_MEMBERS + "/777", private=from_master(404), public=from_master(404)),
    "getCurrentUserPermissions": Case(path="/users/current/permissions", private=somebody(200)),
    "listAllRepositories": Case(path="/repositories", private=everybody(200)),
    "listRepositories": Case(path=_REPOSITORIES, private=members(200), public=everybody(200)),
    "getRepository": Case(path=_REPOSITORIES + "/app", private=members(200), public=members(200)),
    "deleteRepository": Case(path=_REPOSITORIES + "/none", private=from_maintainer(404), public=from_maintainer(404)),
    "listArtifacts": Case(path=_REPOSITORIES + "/app/artifacts", private=members(200), public=everybody(200)),
    "CopyArtifact": Case(
        path=_REPOSITORIES + "/copy/artifacts?from=public/app:none",
        private=from_developer(404),
        public=from_developer(404),
    ),
    "updateRepository": Case(
        path=_REPOSITORIES + "/none", private=from_developer(404), public=from_developer(404), body={"description": "a"}
    ),
    "listAllArtifacts": Case(path="/artifacts", private=everybody(200)),
    "listArtifactsOfProject": Case(path="/projects/{project}/artifacts", private=members(200), public=everybody(200)),
    "listAccessories": Case(
        path=_REPOSITORIES + "/app/artifacts/1/accessories", private=members(200), public=everybody(200)
    ),
    "getArtifact": Case(path=_REPOSITORIES + "/app/artifacts/1", private=members(200), public=everybody(200)),
    "deleteArtifact": Case(
        path=_REPOSITORIES + "/app/artifacts/none", private=from_maintainer(404), public=from_maintainer(404)
    ),
    "ListImmuRules": Case(path=_IMMUTABLE, private=from_maintainer(200), public=from_maintainer(200)),
    "CreateImmuRule": Case(path=_IMMUTABLE, private=from_maintainer(400), public=from_maintainer(400), body={"id": 1}),
    "UpdateImmuRule": Case(
        path=_IMMUTABLE + "/777",
        private=from_maintainer(404),
        public=from_maintainer(404),
        body={"id": 777, "disabled": True},
    ),
    "DeleteImmuRule": Case(path=_IMMUTABLE + "/777", private=from_maintainer(404), public=from_maintainer(404)),
    "TestImmuRules": Case(
        path=_IMMUTABLE + "/_test?repository=app&tag=1", private=from_maintainer(200), public=from_maintainer(200)
    ),
    "listTags": Case(path=_TAGS, private=members(200), public=everybody(200)),
    "createTag": Case(path=_TAGS, private=from_developer(409), public=from_developer(409), body={"name": "1"}),
    "deleteTag": Case(path=_TAGS + "/none", private=from_maintainer(404), public=from_maintainer(404)),
    "deleteArtifacts": Case(
        path=_REPOSITORIES + "/app/artifacts/_delete",
        private=from_maintainer(400),
        public=from_maintainer(400),
        body={"tags": []},
    ),
    "listDeletions": Case(path=_DELETIONS, private=from_maintainer(200), public=from_maintainer(200)),
    "getDeletion": Case(path=_DELETIONS + "/777", private=from_maintainer(404), public=from_maintainer(404)),
    "stopDeletion": Case(path=_DELETIONS + "/777", private=from_maintainer(404), public=from_maintainer(404)),
    "listDeletionTasks": Case(
        path=_DELETIONS + "/777/tasks", private=from_maintainer(404), public=from_maintainer(404)
    ),
    "listTagHistory": Case(path=_REPOSITORIES + "/app/tags/1/history", private=members(200), public=members(200)),
    "restoreTag": Case(
        path=_REPOSITORIES + "/app/tags/1/history/777/restore",
        private=from_developer(404),
        public=from_developer(404),
    ),
    "listQuotas": Case(path="/quotas", private=administrators(200)),
    "getQuota": Case(path="/quotas/777", private=administrators(404)),
    "updateQuota": Case(path="/quotas/777", private=administrators(404), body={"hard": {"storage": -1}}),
    "getProjectSizes": Case(path="/projects/{project}/sizes", private=members(200), public=members(200)),
    "getRepositorySizes": Case(path=_REPOSITORIES + "/app/sizes", private=members(200), public=members(200)),
    "addLabel": Case(
        path=_REPOSITORIES + "/app/artifacts/1/labels",
        private=from_developer(404),
        public=from_developer(404),
        body={"id": 777},
    ),
    "removeLabel": Case(
        path=_REPOSITORIES + "/app/artifacts/1/labels/777", private=from_developer(404), public=from_developer(404)
    ),
    "listRepositoryLabels": Case(path=_REPOSITORIES + "/app/labels", private=members(200), public=members(200)),
    "addRepositoryLabel": Case(
        path=_REPOSITORIES + "/app/labels", private=from_developer(404), public=from_developer(404), body={"id": 777}
    ),
    "removeRepositoryLabel": Case(
        path=_REPOSITORIES + "/app/labels/777", private=from_developer(404), public=from_developer(404)
    ),
    "ListLabels": Case(path="/labels?scope=g", private=everybody(200)),
    "CreateLabel": Case(path="/labels", private=administrators(400), body={"scope": "g"}),
    "GetLabelByID": Case(path="/labels/777", private=somebody(404)),
    "UpdateLabel": Case(path="/labels/777", private=somebody(404), body={"name": "a"}),
    "DeleteLabel": Case(path="/labels/777", private=somebody(404)),
    "getAddition": Case(path=_ADDITIONS + "/build_history", private=members(200), public=everybody(200)),
    "getVulnerabilitiesAddition": Case(
        path=_ADDITIONS + "/vulnerabilities", private=members(200), public=everybody(200)
    ),
    "getIcon": Case(path="/icons/none", private=everybody(404)),
    "ListRobot": Case(path="/robots", private=administrators(200)),
    "CreateRobot": Case(path="/robots", private=somebody(400), body={}),
    "GetRobotByID": Case(path="/robots/777", private=somebody(404)),
    "UpdateRobot": Case(path="/robots/777", private=somebody(404), body={}),
    "RefreshSec": Case(path="/robots/777", private=somebody(404), body={}),
    "DeleteRobot": Case(path="/robots/777", private=somebody(404)),
    "ListRobotV1": Case(path=_ROBOTS, private=from_guest(200), public=from_guest(200)),
    "CreateRobotV1": Case(path=_ROBOTS, private=from_master(400), public=from_master(400), body={}),
    "GetRobotByIDV1": Case(path=_ROBOTS + "/777", private=from_guest(404), public=from_guest(404)),
    "UpdateRobotV1": Case(
        path=_ROBOTS + "/777", private=from_master(404, NO_ROBOT), public=from_master(404, NO_ROBOT), body={}
    ),
    "DeleteRobotV1": Case(path=_ROBOTS + "/777", private=from_master(404), public=from_master(404)),
    "getPermissions": Case(path="/permissions", private=from_master(200, NO_ROBOT)),
    "getGCHistory": Case(path="/system/gc", private=administrators(200)),
    "getGC": Case(path="/system/gc/777", private=administrators(404)),
    "stopGC": Case(path="/system/gc/777", private=administrators(404)),
    "getGCLog": Case(path="/system/gc/777/log", private=administrators(404)),
    "getGCSchedule": Case(path="/system/gc/schedule", private=administrators(200)),
    "createGCSchedule": Case(path="/system/gc/schedule", private=administrators(400), body={"parameters": {}}),
    "updateGCSchedule": Case(path="/system/gc/schedule", private=administrators(400), body={"parameters": {}}),
}


@pytest.fixture
def stocked(client: httpx.Client, people: People) -> None:
    """An image in the private and in the public project."""
    client.auth = httpx.BasicAuth(*people["admin"].credentials)
    for seed, project in enumerate(("private", "public")):
        push_image(client, f"{project}/app", "1", seed=seed)


@pytest.fixture
def robots(admin: httpx.Client) -> dict[str, tuple[str, str]]:
    """The credentials of ROBOTS."""
    offered = admin.get("/permissions").json()
    everything = {"kind": "project", "namespace": "*", "access": offered["project"]}
    system = {"kind": "system", "namespace": "/", "access": offered["system"]}
    pull = {"kind": "project", "namespace": "*", "access": [{"resource": "repository", "action": "pull"}]}
    made = (
        {"name": "all", "level": "project", "permissions": [everything | {"namespace": "private"}]},
        {"name": "all", "level": "system", "permissions": [system, everything]},
        {"name": "little", "level": "system", "permissions": [pull]},
    )
    answers = [admin.post("/robots", json={"duration": -1, **robot}).json() for robot in made]
    return {answer["name"]: (answer["name"], answer["secret"]) for answer in answers}


def test_every_operation_has_its_answers(app: Flask) -> None:
    names = {operation["operationId"] for _, _, operation in operations(document(app))}
    assert names == MATRIX.keys()


@pytest.mark.usefixtures("stocked")
def test_every_caller_gets_the_answer_of_the_matrix(
    app: Flask, caller: Caller, robots: dict[str, tuple[str, str]]
) -> None:
    methods = {operation["operationId"]: method for method, _, operation in operations(document(app))}
    people = [caller(name) for name in PEOPLE]
    machines = [caller(None) for _ in ROBOTS]
    for name, client in zip(ROBOTS, machines, strict=True):
        client.auth = httpx.BasicAuth(*robots[name])
    wrong = []
    for name, case in MATRIX.items():
        for project, expected in (("private", case.private), ("public", case.public and case.public.elsewhere())):
            if expected is None:
                continue
            path = case.path.format(project=project)
            found = Answers(
                *(
                    tuple(client.request(methods[name], path, json=case.body).status_code for client in clients)
                    for clients in (people, machines)
                )
            )
            if found != expected:
                wrong.append(f"{name} on {project}: {found}, expected {expected}")
    assert not wrong, "\n".join(wrong)
