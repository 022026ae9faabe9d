"""Where our OpenAPI document differs from Harbor's on purpose: the difference in the comparison's words, and why."""

_SCANNING = "filled in by scanning, which is not there yet"
_OLD_ROBOTS = "kept for clients made for Harbor before 2.13"
_ROTATION = "the secret before stays valid for a while, where Harbor cuts running clients off"
_KEYS = "what Harbor's server writes on the wire"
_BODIES = "Harbor's document forgets the body that its server sends"

_SECRETS = "a secret is never shown"
_OLD_LABELS = "labels on repositories, which Harbor 1.5 had"
_ACROSS = "artifacts of all projects in one list, which Harbor does not have"
_REPOSITORY = "/projects/{project_name}/repositories/{repository_name}"

_ONE_FORMAT = "one id, one format"
_MAPS = "Harbor's document says it of the map's reference, which the comparison replaces by the map"
_SIZES = "what content takes on disk and what a collection would free, which Harbor does not tell"
_DELETIONS = (
    "deletions of many tags and artifacts, or of a large repository, are jobs whose report says what stays and why"
)
_HISTORY = "what a tag pointed at, when and by whom, so that it can be restored"
_TAGS = "/projects/{project_name}/repositories/{repository_name}/tags/{tag_name}/history"

_TRYING = "which rules would protect a tag, which Harbor does not tell"

ALLOWED: dict[str, str] = {
    "Artifact: scan_overview is missing": _SCANNING,
    "Artifact: sbom_overview is missing": _SCANNING,
    "GET /projects/{project_name_or_id}/sizes: Harbor has no such operation": _SIZES,
    "GET /projects/{project_name}/repositories/{repository_name}/sizes: Harbor has no such operation": _SIZES,
    "Sizes: Harbor has no such model": _SIZES,
    "GET /projects/{project_name_or_id}/immutabletagrules/_test: Harbor has no such operation": _TRYING,
    "ImmutabilityVerdict: Harbor has no such model": _TRYING,
    "POST /projects/{project_name}/repositories/{repository_name}/artifacts/_delete: Harbor has no such operation": (
        _DELETIONS
    ),
    "GET /projects/{project_name}/deletions: Harbor has no such operation": _DELETIONS,
    "GET /projects/{project_name}/deletions/{deletion_id}: Harbor has no such operation": _DELETIONS,
    "PUT /projects/{project_name}/deletions/{deletion_id}: Harbor has no such operation": _DELETIONS,
    "GET /projects/{project_name}/deletions/{deletion_id}/tasks: Harbor has no such operation": _DELETIONS,
    f"GET {_TAGS}: Harbor has no such operation": _HISTORY,
    f"POST {_TAGS}/{{record_id}}/restore: Harbor has no such operation": _HISTORY,
    "TagRecord: Harbor has no such model": _HISTORY,
    "Chosen: Harbor has no such model": _DELETIONS,
    "Deletion: Harbor has no such model": _DELETIONS,
    "DeletionTask: Harbor has no such model": _DELETIONS,
    "GET /artifacts: Harbor has no such operation": _ACROSS,
    "GET /quotas/{id}: parameter path id: format is int64, Harbor's None": _ONE_FORMAT,
    "PUT /quotas/{id}: parameter path id: format is int64, Harbor's None": _ONE_FORMAT,
    "Quota: hard: x-omitempty is False, Harbor's None": _MAPS,
    "Quota: used: x-omitempty is False, Harbor's None": _MAPS,
    "Platform: 'os.features' is missing": _KEYS,
    "Platform: 'os.version' is missing": _KEYS,
    "Platform: OsFeatures is ours alone": _KEYS,
    "Platform: OsVersion is ours alone": _KEYS,
    "GET /projects/{project_name_or_id}/robots: Harbor has no such operation": _OLD_ROBOTS,
    "POST /projects/{project_name_or_id}/robots: Harbor has no such operation": _OLD_ROBOTS,
    "GET /projects/{project_name_or_id}/robots/{robot_id}: Harbor has no such operation": _OLD_ROBOTS,
    "PUT /projects/{project_name_or_id}/robots/{robot_id}: Harbor has no such operation": _OLD_ROBOTS,
    "DELETE /projects/{project_name_or_id}/robots/{robot_id}: Harbor has no such operation": _OLD_ROBOTS,
    "PATCH /robots/{robot_id}: parameter query grace_period is ours alone": _ROTATION,
    "RobotSec: grace_period is ours alone": _ROTATION,
    f"GET {_REPOSITORY}/labels: Harbor has no such operation": _OLD_LABELS,
    f"POST {_REPOSITORY}/labels: Harbor has no such operation": _OLD_LABELS,
    f"DELETE {_REPOSITORY}/labels/{{label_id}}: Harbor has no such operation": _OLD_LABELS,
    "GET /repositories: parameter query with_label is ours alone": _OLD_LABELS,
    "GET /projects/{project_name}/repositories: parameter query with_label is ours alone": _OLD_LABELS,
    f"GET {_REPOSITORY}: parameter query with_label is ours alone": _OLD_LABELS,
    "Repository: labels is ours alone": _OLD_LABELS,
    "ConfigurationsResponse: uaa_client_secret is missing": _SECRETS,
    "GET /configurations: response 401: schema Errors, Harbor's None": _BODIES,
    "GET /configurations: response 403: schema Errors, Harbor's None": _BODIES,
    "GET /configurations: response 500: schema Errors, Harbor's None": _BODIES,
    "GET /internalconfig: response 401: schema Errors, Harbor's None": _BODIES,
    "GET /internalconfig: response 403: schema Errors, Harbor's None": _BODIES,
    "DELETE /usergroups/{group_id}: parameter path group_id: format is int64, Harbor's None": _ONE_FORMAT,
    "PUT /users/{user_id}/cli_secret: response 400: schema Errors, Harbor's None": _BODIES,
    "PUT /users/{user_id}/cli_secret: response 412: schema Errors, Harbor's None": _BODIES,
    "PUT /users/{user_id}/password: response 400: schema Errors, Harbor's None": _BODIES,
    "PUT /users/{user_id}/password: response 403: schema Errors, Harbor's None": _BODIES,
}
