"""``pyharbor settings``: print the effective settings, without secrets."""

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import click

from app.configuration.key import Key
from app.configuration.keys import KEYS
from app.core.masking import masked
from app.settings import Settings, load


@click.command()
def settings() -> None:
    """Print the effective settings and the configuration keys that the environment pins, without secrets."""
    rows = list(describe(load()))
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        click.echo(f"{name:<{width}}  {value}")


def describe(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield (name, value) of every effective setting, secrets masked."""
    for section, values in _sections(settings):
        for name, value in values:
            yield f"{section}{name}", value
    for name, text in sorted(settings.configuration.items()):
        if name in KEYS:
            yield f"configuration.{name}", _pinned(KEYS[name], text)
        else:
            yield f"unknown.{name}", f"HARBOR_{name.upper()} is neither a setting nor a configuration key"


def _sections(settings: Settings) -> Iterator[tuple[str, Iterator[tuple[str, str]]]]:
    yield (
        "",
        (
            (f.name, _shown(f.name, getattr(settings, f.name)))
            for f in fields(settings)
            if f.name != "configuration" and not _nested(settings, f.name)
        ),
    )
    for section in fields(settings):
        value = getattr(settings, section.name)
        if is_dataclass(value):
            yield (
                f"{section.name}.",
                ((f.name, _shown(f.name, getattr(value, f.name))) for f in fields(value)),
            )


def _pinned(key: Key[Any], text: str) -> str:
    return f"{'(set)' if key.secret else masked(text)}, pinned by {key.variable}"


def _nested(settings: Settings, name: str) -> bool:
    return is_dataclass(getattr(settings, name))


def _shown(name: str, value: object) -> str:
    if "password" in name:
        return "(set)" if value else "(not set)"
    if isinstance(value, str):
        return masked(value)
    return str(value)
