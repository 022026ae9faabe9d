"""A fact is one class and one row: what is derived from them, and that a forgotten place is told at the start."""

from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from app.audit import effects as audit
from app.audit.models import AuditLog
from app.context import Context, Ports
from app.core.errors import InternalError
from app.effects import effects, require_rows
from app.events import management
from app.events.base import Event
from app.events.catalog import facts
from app.events.configuration import ConfigurationChanged, KeyChange
from app.events.content import TagCreated
from app.settings import Settings
from app.wiring import build
from tests.support.manifests import push_image, push_manifest

ONE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelPainted(Event):
    """A fact that exists only in these tests."""

    operation = "paint"
    resource_type = "label"

    label: str

    @property
    def resource(self) -> str:
        """The label."""
        return self.label


def rows(ctx: Context, resource_type: str) -> list[tuple[object, ...]]:
    shown = sa.select(
        AuditLog.project_id, AuditLog.username, AuditLog.operation, AuditLog.resource, AuditLog.success
    ).where(AuditLog.resource_type == resource_type)
    with ctx.read() as session:
        return [tuple(row) for row in session.execute(shown.order_by(AuditLog.id))]


def test_a_class_and_a_row_make_a_fact(ctx: Context, ports: Ports) -> None:
    told: list[Event] = []
    table: Any = ports.effects
    table[LabelPainted] = (lambda _, event: told.append(event), audit.record)
    with ctx.write():
        ctx.emit(LabelPainted(project_id=7, label="red"))
    assert rows(ctx, "label") == [(7, "harbor", "paint", "red", True)]
    assert [(event.operator, event.resource) for event in told] == [("harbor", "red")]


@ONE
def test_a_fact_without_a_row_does_not_start(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> None:
    monkeypatch.setattr(management, "LabelPainted", LabelPainted, raising=False)
    with pytest.raises(InternalError, match="LabelPainted"):
        build(settings)


@ONE
def test_a_fact_without_a_row_is_not_emitted(ctx: Context) -> None:
    with ctx.write(), pytest.raises(InternalError, match="LabelPainted"):
        ctx.emit(LabelPainted(label="red"))


def test_words_for_the_audit_log_and_a_record_go_together() -> None:
    with pytest.raises(InternalError, match="LabelPainted"):
        require_rows({LabelPainted: ()}, [LabelPainted])
    silent = type("Silent", (Event,), {})
    with pytest.raises(InternalError, match="Silent"):
        require_rows({silent: (audit.record,)}, [silent])
    require_rows({LabelPainted: (audit.record,), silent: ()}, [LabelPainted, silent])


def test_every_fact_that_is_recorded_names_its_resource() -> None:
    for kind in facts():
        if kind.operation:
            assert kind.resource_type, kind
            assert kind.resource is not Event.resource or kind.audit_lines is not Event.audit_lines, kind
    assert {kind.__name__ for kind in facts()} == {kind.__name__ for kind in effects()}


def test_tags_that_come_with_a_push_are_told_and_the_push_alone_is_recorded(
    admin: httpx.Client, registry: httpx.Client, ctx: Context, ports: Ports
) -> None:
    told: list[TagCreated] = []
    table: Any = ports.effects
    table[TagCreated] = (*table[TagCreated], lambda _, event: told.append(event))
    manifest = push_image(registry, "private/a", "1")
    push_manifest(registry, "private/a", manifest, "1")
    push_manifest(registry, "private/a", manifest, "2")
    push_image(registry, "private/a", "1", seed=1)
    assert [(event.tag, event.pushed, event.operator) for event in told] == [("1", True, "admin"), ("2", True, "admin")]
    assert rows(ctx, "tag") == []
    with ctx.write():
        ctx.emit(TagCreated(project_id=9, repository="private/a", digest="sha256:0", tag="3", pushed=False))
    assert rows(ctx, "tag") == [(9, "harbor", "create", "private/a:3", True)]


@ONE
def test_a_change_of_the_configuration_names_its_keys(ctx: Context) -> None:
    changes = (KeyChange(name="read_only", old="false", new="true"), KeyChange(name="smtp_secret", old=None, new=None))
    with ctx.write():
        ctx.emit(ConfigurationChanged(changes=changes))
    assert rows(ctx, "configuration") == [(0, "harbor", "update", "read_only: false -> true, smtp_secret", True)]
