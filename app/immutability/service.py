"""The use cases of immutability rules: list, create, update, delete, try."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from app.context import Context
from app.core.errors import ConflictError, FieldInvalid, LimitError
from app.core.paging import Listed
from app.core.query import ListQuery
from app.core.reference import RepositoryName, parse_tag
from app.db.database import retried, writing
from app.events.immutability import ImmutableRuleCreated, ImmutableRuleDeleted, ImmutableRuleUpdated
from app.immutability import rows
from app.immutability.results import Guard, RuleView, Verdict
from app.immutability.rules import MOST_RULES, RuleFields, require_change, require_rule
from app.projects.rights import require_in_project


class ImmutabilityService:
    """The use cases of a project's immutability rules; all raise as ``rights.require_in_project`` does."""

    def __init__(self, ctx: Context) -> None:
        """Act for the caller of ``ctx``."""
        self._ctx = ctx

    def list(self, project_key: str | int, query: ListQuery) -> Listed[RuleView]:
        """Return a page of the project's rules, oldest first."""
        project = require_in_project(self._ctx, project_key, "immutable-tag", "list")
        with self._ctx.read() as session:
            return rows.list_rules(session, project.id, query)

    def test(self, project_key: str | int, repository: str, tag: str) -> Verdict:
        """Return whether a tag is, or would be, protected in a repository, which need not exist, and by which rules.

        The repository is named without its project. Raises NameInvalid and TagInvalid.
        """
        project = require_in_project(self._ctx, project_key, "immutable-tag", "list")
        name, parsed = RepositoryName.parse(f"{project.name}/{repository}"), parse_tag(tag)
        with self._ctx.read() as session:
            guard = Guard(rows.enabled_rules(session, [project.id]))
        return Verdict(rules=guard.of_repository(name).rules_for(parsed))

    @retried()
    def create(self, project_key: str | int, body: Mapping[str, Any]) -> int:
        """Create the rule of a loaded body and return its id.

        Waits for changes of tags that asked the rules before. Raises FieldInvalid for an invalid rule, ConflictError
        when the project has a rule with the same selectors, LimitError when it has too many rules.
        """
        project = require_in_project(self._ctx, project_key, "immutable-tag", "create")
        fields = require_rule(body)
        with self._ctx.write() as session:
            rows.lock_rules(session, project.id)
            _require_new(session, project.id, fields)
            if rows.count_rules(session, project.id) >= MOST_RULES:
                raise LimitError(f"project {project.name} has {MOST_RULES} immutable tag rules, which is the most")
            now = self._ctx.ports.clock.now()
            rule_id = rows.insert_rule(session, project.id, {**_columns(fields, now), "creation_time": now})
            self._ctx.emit(ImmutableRuleCreated(project_id=project.id, rule_id=rule_id))
        return rule_id

    @retried()
    def update(self, project_key: str | int, rule_id: int, body: Mapping[str, Any]) -> None:
        """Replace a rule by a loaded body, or without selectors enable or disable it; waits as ``create`` does.

        Raises NotFoundError; ConflictError when another rule has the same selectors; FieldInvalid for an invalid rule,
        another id in the body, and without selectors when nothing would change.
        """
        project = require_in_project(self._ctx, project_key, "immutable-tag", "update")
        fields = require_change(body, rule_id)
        with self._ctx.write() as session:
            rows.lock_rules(session, project.id)
            rule = rows.require_rule(session, project.id, rule_id)
            _require_new(session, project.id, fields, besides=rule_id)
            if fields.selectors is None and fields.disabled == rule.disabled:
                raise FieldInvalid("tag_selectors", "given with scope_selectors, unless the rule's disabled changes")
            rows.update_rule(session, rule_id, _columns(fields, self._ctx.ports.clock.now()))
            self._ctx.emit(ImmutableRuleUpdated(project_id=project.id, rule_id=rule_id))

    @retried()
    def delete(self, project_key: str | int, rule_id: int) -> None:
        """Delete a rule; raise NotFoundError."""
        project = require_in_project(self._ctx, project_key, "immutable-tag", "delete")
        with self._ctx.write() as session:
            rows.lock_rules(session, project.id)
            rows.require_rule(session, project.id, rule_id)
            rows.delete_rule(session, rule_id)
            self._ctx.emit(ImmutableRuleDeleted(project_id=project.id, rule_id=rule_id))


def guard_of(ctx: Context, project_id: int) -> Guard | None:
    """Return the enabled rules of a project, None without any.

    Inside a writing transaction the rules stay as they are until it ends.
    """
    with ctx.read() as session:
        if writing():
            rows.keep_rules(session, project_id)
        rules = rows.enabled_rules(session, [project_id])
    return Guard(rules) if rules else None


def guards_of(session: Session, project_ids: set[int]) -> dict[int, Guard]:
    """Return the enabled rules of several projects by the project's id."""
    rules = rows.enabled_rules(session, project_ids)
    return {project_id: Guard([rule for rule in rules if rule.project_id == project_id]) for project_id in project_ids}


def _columns(fields: RuleFields, now: datetime) -> dict[str, object]:
    if fields.selectors is None:
        return {"disabled": fields.disabled, "update_time": now}
    return {
        "priority": fields.priority,
        "disabled": fields.disabled,
        "selectors": fields.selectors.document,
        "fingerprint": fields.selectors.fingerprint,
        "update_time": now,
    }


def _require_new(session: Session, project_id: int, fields: RuleFields, *, besides: int | None = None) -> None:
    if fields.selectors is None:
        return
    same = rows.same_rule_or_none(session, project_id, fields.selectors.fingerprint)
    if same not in (None, besides):
        raise ConflictError(f"immutable tag rule {same} has the same selectors")
