"""``pyharbor settings``."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass

import click

from app.core.masking import masked
from app.settings import Settings, load


@click.command()
def settings() -> None:
    """Print the effective settings, without secrets."""
    rows = list(describe(load()))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")


def describe(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of every effective setting, secrets masked."""
    for section, values in _sections(settings):
        for name, value in values:
            yield f"{section}{name}", value


def _sections(settings: Settings) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    yield (
        "",
        (
            (f.name, _shown(f.name, getattr(settings, f.name)))
            for f in fields(settings)
            if not _nested(settings, f.name)
        ),
    )
    for section in fields(settings):
        value = getattr(settings, section.name)
        if is_dataclass(value):
            yield (
                f"{section.name}.",
                ((f.name, _shown(f.name, getattr(value, f.name))) for f in fields(value)),
            )


def _nested(settings: Settings, name: str) -> bool:
    return is_dataclass(getattr(settings, name))


def _shown(name: str, value: object) -> str:
    if "password" in name:
        return "(set)" if value else "(not set)"
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, Mapping):
        return ", ".join(sorted(value)) or "(none)"
    return str(value)
