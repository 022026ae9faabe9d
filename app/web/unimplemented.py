"""Harbor's operations that PyHarbor does not have yet: each answers 501, none is in the OpenAPI document."""

import re
from typing import Final

from flask import Flask, Response

from app.web.errors import render

OPERATIONS: Final = (
    "POST /export/cve",
    "GET /export/cve/download/{execution_id}",
    "GET /export/cve/execution/{execution_id}",
    "GET /export/cve/executions",
    "PUT /jobservice/jobs/{job_id}",
    "GET /jobservice/jobs/{job_id}/log",
    "GET /jobservice/pools",
    "GET /jobservice/pools/{pool_id}/workers",
    "GET /jobservice/queues",
    "PUT /jobservice/queues/{job_type}",
    "GET /ldap/groups/search",
    "POST /ldap/ping",
    "POST /ldap/users/import",
    "GET /ldap/users/search",
    "GET /p2p/preheat/instances",
    "POST /p2p/preheat/instances",
    "POST /p2p/preheat/instances/ping",
    "GET /p2p/preheat/instances/{preheat_instance_name}",
    "PUT /p2p/preheat/instances/{preheat_instance_name}",
    "DELETE /p2p/preheat/instances/{preheat_instance_name}",
    "GET /p2p/preheat/providers",
    "GET /projects/{project_name_or_id}/scanner",
    "PUT /projects/{project_name_or_id}/scanner",
    "GET /projects/{project_name_or_id}/scanner/candidates",
    "GET /projects/{project_name_or_id}/webhook/events",
    "GET /projects/{project_name_or_id}/webhook/jobs",
    "GET /projects/{project_name_or_id}/webhook/lasttrigger",
    "GET /projects/{project_name_or_id}/webhook/policies",
    "POST /projects/{project_name_or_id}/webhook/policies",
    "GET /projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}",
    "PUT /projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}",
    "DELETE /projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}",
    "GET /projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}/executions",
    "GET /projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}/executions/{execution_id}/tasks",
    "GET /projects/{project_name_or_id}/webhook/policies/{webhook_policy_id}/executions/{execution_id}/tasks/{task_id}/log",  # noqa: E501 - as Harbor writes it
    "GET /projects/{project_name}/preheat/policies",
    "POST /projects/{project_name}/preheat/policies",
    "GET /projects/{project_name}/preheat/policies/{preheat_policy_name}",
    "POST /projects/{project_name}/preheat/policies/{preheat_policy_name}",
    "PUT /projects/{project_name}/preheat/policies/{preheat_policy_name}",
    "DELETE /projects/{project_name}/preheat/policies/{preheat_policy_name}",
    "GET /projects/{project_name}/preheat/policies/{preheat_policy_name}/executions",
    "GET /projects/{project_name}/preheat/policies/{preheat_policy_name}/executions/{execution_id}",
    "PATCH /projects/{project_name}/preheat/policies/{preheat_policy_name}/executions/{execution_id}",
    "GET /projects/{project_name}/preheat/policies/{preheat_policy_name}/executions/{execution_id}/tasks",
    "GET /projects/{project_name}/preheat/policies/{preheat_policy_name}/executions/{execution_id}/tasks/{task_id}/logs",  # noqa: E501 - as Harbor writes it
    "GET /projects/{project_name}/preheat/providers",
    "POST /projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/scan",
    "POST /projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/scan/stop",
    "GET /projects/{project_name}/repositories/{repository_name}/artifacts/{reference}/scan/{report_id}/log",
    "GET /registries",
    "POST /registries",
    "POST /registries/ping",
    "GET /registries/{id}",
    "PUT /registries/{id}",
    "DELETE /registries/{id}",
    "GET /registries/{id}/info",
    "GET /replication/adapterinfos",
    "GET /replication/adapters",
    "GET /replication/executions",
    "POST /replication/executions",
    "GET /replication/executions/{id}",
    "PUT /replication/executions/{id}",
    "GET /replication/executions/{id}/tasks",
    "GET /replication/executions/{id}/tasks/{task_id}/log",
    "GET /replication/policies",
    "POST /replication/policies",
    "GET /replication/policies/{id}",
    "PUT /replication/policies/{id}",
    "DELETE /replication/policies/{id}",
    "POST /retentions",
    "GET /retentions/metadatas",
    "GET /retentions/{id}",
    "PUT /retentions/{id}",
    "DELETE /retentions/{id}",
    "GET /retentions/{id}/executions",
    "POST /retentions/{id}/executions",
    "PATCH /retentions/{id}/executions/{eid}",
    "GET /retentions/{id}/executions/{eid}/tasks",
    "GET /retentions/{id}/executions/{eid}/tasks/{tid}",
    "GET /scanners",
    "POST /scanners",
    "POST /scanners/ping",
    "GET /scanners/{registration_id}",
    "PUT /scanners/{registration_id}",
    "PATCH /scanners/{registration_id}",
    "DELETE /scanners/{registration_id}",
    "GET /scanners/{registration_id}/metadata",
    "GET /scans/all/metrics",
    "GET /scans/schedule/metrics",
    "GET /schedules",
    "GET /schedules/{job_type}/paused",
    "GET /security/summary",
    "GET /security/vul",
    "POST /system/oidc/ping",
    "GET /system/purgeaudit",
    "GET /system/purgeaudit/schedule",
    "POST /system/purgeaudit/schedule",
    "PUT /system/purgeaudit/schedule",
    "GET /system/purgeaudit/{purge_id}",
    "PUT /system/purgeaudit/{purge_id}",
    "GET /system/purgeaudit/{purge_id}/log",
    "GET /system/scanAll/schedule",
    "POST /system/scanAll/schedule",
    "PUT /system/scanAll/schedule",
    "POST /system/scanAll/stop",
)
"""Method and path as in Harbor's document; an operation that is implemented must be removed here."""
_PARAMETER: Final = re.compile(r"\{(\w+)\}")
_WITH_SLASHES: Final = "repository_name"


def register(app: Flask, base_path: str) -> None:
    """Serve every operation of the list below ``base_path``."""
    for operation in OPERATIONS:
        method, _, path = operation.partition(" ")
        rule = base_path + _PARAMETER.sub(_converted, path)
        app.add_url_rule(rule, f"unimplemented {operation}", _refuse, methods=[method], provide_automatic_options=False)


def _converted(parameter: re.Match[str]) -> str:
    name = parameter[1]
    return f"<encoded:{name}>" if name == _WITH_SLASHES else f"<{name}>"


def _refuse(**_: str) -> Response:
    return render(501, "NOT_IMPLEMENTED", "this operation of Harbor is not available here yet")
