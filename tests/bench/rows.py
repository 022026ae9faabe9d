"""The rows of the comparison: each measures one thing on one server and returns its figures."""

import time
from dataclasses import dataclass

from tests.bench import lists, metadata, pushes, transfers
from tests.bench.metrics import Figures, Metric
from tests.bench.process_tree import Part, private_mib
from tests.bench.subject import Measure, Sizes, Subject


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that is measured; ``name`` selects it on the command line."""

    name: str
    title: str
    measure: Measure
    peers: bool = True
    """Whether the peers can do it at all."""


def rows(sizes: Sizes) -> tuple[Row, ...]:
    """All of them, in the order of the report."""
    return (
        Row(name="idle", title="idle", measure=_idle),
        *_metadata(),
        *_lists(sizes),
        *_transfers(sizes),
        *_pushes(),
    )


def _metadata() -> tuple[Row, ...]:
    by_digest = metadata.by_digest
    blob = metadata.head(lambda subject: f"blobs/{subject.small.digest}")
    manifest = metadata.head(lambda subject: f"manifests/{subject.image.manifest.digest}")
    return (
        Row(name="ping", title="GET /v2/, user's token", measure=metadata.ping),
        Row(name="token-get", title="token by GET, password, warm", measure=metadata.token_by_get, peers=False),
        Row(name="token-post", title="token by POST, password, warm", measure=metadata.token_by_post, peers=False),
        Row(name="digest-anonymous", title="manifest by digest, anonymous token", measure=by_digest(user=False)),
        Row(name="digest-user", title="manifest by digest, user's token", measure=by_digest(user=True)),
        Row(name="tag", title="manifest by tag, anonymous token", measure=metadata.by_tag),
        Row(name="head-manifest", title="HEAD of a manifest by digest, one client", measure=manifest),
        Row(name="not-modified", title="manifest by digest, If-None-Match", measure=metadata.not_modified),
        Row(name="index", title="index of 50 kB by digest", measure=metadata.index),
        Row(name="blob", title="blob of 2 kB, anonymous token", measure=metadata.small_blob),
        Row(name="head-blob", title="HEAD of a blob, one client", measure=blob),
    )


def _lists(sizes: Sizes) -> tuple[Row, ...]:
    pages = f"first page ({lists.PAGE}) of {sizes.tags:,} tags, one client"
    catalog = f"middle page ({lists.PAGE}) of {sizes.repositories:,} repositories, one client"
    referrers = f"first page of {sizes.referrers:,} referrers, one client"
    return (
        Row(name="tags", title=pages, measure=lists.tags),
        Row(name="catalog", title=catalog, measure=lists.catalog),
        Row(name="referrers", title=referrers, measure=lists.referrers, peers=False),
    )


def _transfers(sizes: Sizes) -> tuple[Row, ...]:
    size = f"{sizes.layer / transfers.GIB:g} GiB"
    chunked, length = transfers.large_push(transfers.chunked), transfers.large_push(transfers.with_length)
    return (
        Row(name="push", title=f"push of {size}: one chunked PATCH, empty PUT", measure=chunked),
        Row(name="push-length", title=f"push of {size}: one PATCH with a length, empty PUT", measure=length),
        Row(name="pull", title=f"pull of {size}", measure=transfers.large_pull),
        Row(name="pullers", title=f"{transfers.PULLERS} clients pull 10 MiB each", measure=transfers.pullers),
        Row(name="slow", title=f"GET /v2/ beside {2 * transfers.SLOW} clients of 50 kB/s", measure=transfers.slow),
    )


def _pushes() -> tuple[Row, ...]:
    many = pushes.PUSHERS
    return (
        Row(name="images", title="small images, one after the other", measure=pushes.images),
        Row(name="images-8", title=f"small images, {many} clients, one repository", measure=pushes.images_at_once),
        Row(name="again", title="push of an image that is there, 12 layers", measure=pushes.images_again),
        Row(name="mount", title="mount of a small blob", measure=pushes.mounts),
        Row(name="polls", title=f"manifest by tag beside {many} uploads", measure=pushes.polls),
    )


def _idle(subject: Subject) -> Figures:
    parts = subject.server.processes()
    serving = [pid for part in (Part.WEB, Part.CARRIERS) for pid in parts.get(part, ())]
    others = [pid for part in (Part.BACKGROUND, Part.DATABASE) for pid in parts.get(part, ())]
    before, started = subject.meter.cpu_seconds(), time.perf_counter()
    time.sleep(subject.sizes.seconds)
    passed = time.perf_counter() - started
    used = {part: (after - before[part]) / passed * 1000 for part, after in subject.meter.cpu_seconds().items()}
    figures: Figures = {
        Metric.IDLE_MIB: private_mib(serving),
        Metric.IDLE_CPU: used[Part.WEB] + used.get(Part.CARRIERS, 0.0),
    }
    if others:
        figures[Metric.OTHER_MIB] = private_mib(others)
        figures[Metric.OTHER_CPU] = used.get(Part.BACKGROUND, 0.0) + used.get(Part.DATABASE, 0.0)
    return figures
