"""Counters, charges, holdings and the queue follow from each other, whatever was done and interrupted."""

import os

import httpx
import pytest

from app.context import Ports
from tests.integration.content_play import Play

SEEDS = int(os.environ.get("PYHARBOR_REACHABILITY_SEEDS", "2"))
STEPS = int(os.environ.get("PYHARBOR_REACHABILITY_STEPS", "50"))


@pytest.mark.parametrize("seed", range(SEEDS))
def test_any_sequence_of_changes_collections_and_crashes(
    seed: int, ports: Ports, registry: httpx.Client, admin: httpx.Client
) -> None:
    play = Play(seed, ports, registry, admin)
    try:
        for _ in range(STEPS):
            play.step()
        play.pull_everything()
    except AssertionError as error:
        error.add_note(f"seed {seed}: {play.done}")
        raise
