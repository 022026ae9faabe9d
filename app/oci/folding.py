"""Names of members as Go reads them: who is an object with members, who is a map, and what two readers would differ on.

Most clients decode with Go's encoding/json. Into a struct it takes a member whose name equals a field's without regard
to case (U+017F, the long s, is an s and U+212A, the Kelvin sign, a k), and the last such member wins; into a map it
takes every name as it is. Other readers, this registry among them, know exact names only. So in an object that is a
struct to Go a name that is a known one under folding without being it is refused, and so are two names that fold to
one, known or not: a later version may know them. Objects of which no form is known here are held to the second half.

Structs: manifests, indexes, descriptors, platforms; image configs with their ``config``, ``container_config``,
``Healthcheck``, ``rootfs`` and ``history``; charts with their maintainers and dependencies; payloads of signatures.
Maps, free to hold "A" beside "a": ``annotations`` anywhere; ``Labels``, ``ExposedPorts`` and ``Volumes`` of an image's
config; ``optional`` of a simple signing payload; ``digest`` of a statement's subject. A statement's predicate is kept
as it came by most readers: in it only the names that provenance is judged by must not stand in two spellings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.core.errors import ManifestInvalid

Path = tuple["Path", str | int] | None
"""Where a value stands: in what, and under which name or number."""
_LONG_S: Final = "\u017f"
SHOWN: Final = 200
"""Characters of a name or place in a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What an object, or each object of a list, is to Go: a struct with these members, or a map."""

    members: Mapping[str, "Form | None"] = field(default_factory=dict)
    """Known names; with a form where the value has members of its own."""
    is_map: bool = False
    is_open: bool = False
    """Whether only a known member beside another spelling of it is refused: most readers keep the value as it came."""
    inner: tuple[tuple[str, "Form"], ...] = field(init=False)
    folded: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Prepare what is asked of every object."""
        inner = tuple((name, form) for name, form in self.members.items() if form is not None)
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "folded", {fold(name): name for name in self.members})


def fold(name: str) -> str:
    """Return the name such that two are equal when Go takes one for the other."""
    return name.lower().replace(_LONG_S, "s")


def _struct(*plain: str, **inner: Form) -> Form:
    return Form(members=dict.fromkeys(plain) | inner)


def _open(*plain: str, **inner: Form) -> Form:
    return Form(members=dict.fromkeys(plain) | inner, is_open=True)


UNKNOWN: Final = Form()
MAP: Final = Form(is_map=True)
OPEN: Final = Form(is_open=True)
_PLATFORM_NAMES: Final = ("architecture", "os", "os.version", "os.features", "variant")
PLATFORM: Final = _struct(*_PLATFORM_NAMES, "features")
DESCRIPTOR: Final = _struct(
    *("mediaType", "digest", "size", "urls", "data", "artifactType"), annotations=MAP, platform=PLATFORM
)
MANIFEST: Final = _struct(
    *("schemaVersion", "mediaType", "artifactType", "fsLayers"),
    config=DESCRIPTOR,
    layers=DESCRIPTOR,
    blobs=DESCRIPTOR,
    manifests=DESCRIPTOR,
    subject=DESCRIPTOR,
    annotations=MAP,
)
"""Of all manifests and indexes together, so that none is taken for another."""
_HEALTHCHECK: Final = _struct("Test", "Interval", "Timeout", "StartPeriod", "StartInterval", "Retries")
_CONTAINER: Final = _struct(
    *("User", "Env", "Entrypoint", "Cmd", "WorkingDir", "StopSignal", "StopTimeout", "ArgsEscaped", "Shell", "OnBuild"),
    *("Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"),
    *("Image", "NetworkDisabled", "MacAddress", "Memory", "MemorySwap", "CpuShares"),
    ExposedPorts=MAP,
    Volumes=MAP,
    Labels=MAP,
    Healthcheck=_HEALTHCHECK,
)
IMAGE_CONFIG: Final = _struct(
    *_PLATFORM_NAMES,
    *("created", "author", "id", "parent", "comment", "container", "docker_version"),
    config=_CONTAINER,
    container_config=_CONTAINER,
    rootfs=_struct("type", "diff_ids"),
    history=_struct("created", "created_by", "author", "comment", "empty_layer"),
)
CHART: Final = _struct(
    *("name", "home", "sources", "version", "description", "keywords", "icon", "apiVersion", "condition", "tags"),
    *("appVersion", "deprecated", "kubeVersion", "type"),
    annotations=MAP,
    maintainers=_struct("name", "email", "url"),
    dependencies=_struct("name", "version", "repository", "condition", "tags", "enabled", "import-values", "alias"),
)
SIMPLE_SIGNING: Final = _struct(
    critical=_struct("type", identity=_struct("docker-reference"), image=_struct("docker-manifest-digest")),
    optional=MAP,
)
JWS: Final = _struct("payload", "protected", "signature", header=_struct("x5c"))
JWS_PAYLOAD: Final = _struct(targetArtifact=DESCRIPTOR)
DSSE: Final = _struct("payload", "payloadType", signatures=_struct("keyid", "sig"))
_SOURCE: Final = _struct("name", "uri", "entryPoint", "downloadLocation", "mediaType", digest=MAP, annotations=OPEN)
_PREDICATE: Final = _open(
    "buildType",
    builder=_open("id"),
    invocation=_open(configSource=_SOURCE, parameters=OPEN, environment=OPEN),
    materials=_SOURCE,
    buildDefinition=_open("buildType", externalParameters=OPEN, internalParameters=OPEN, resolvedDependencies=_SOURCE),
    runDetails=_open(builder=_open("id")),
)
"""Of provenance, which verifiers read by name. Build arguments come in both cases."""
BUNDLE: Final = _struct("mediaType", "verificationMaterial", "messageSignature", dsseEnvelope=DSSE)
STATEMENT: Final = _struct(
    "_type", "predicateType", predicate=_PREDICATE, subject=_struct("name", digest=MAP, annotations=MAP)
)


def require_exact_names(document: object, form: Form, root: str = "") -> None:
    """Raise ManifestInvalid, with member and place, for a name that is another one under Go's folding.

    ``root`` is what the places begin with. Takes a few microseconds for a manifest, and no stack for a deep one.
    """
    pending: list[tuple[object, Form, Path]] = [(document, form, None)]
    while pending:
        value, form, path = pending.pop()
        if type(value) is dict:
            if form.is_map or not value.keys() <= form.members.keys():
                if not form.is_map and (form.members or len(value) > 1):
                    _refuse_folded(value, form, path, root)
                pending += ((value[name], UNKNOWN, (path, name)) for name in _strange(value, form))
            pending += ((value[name], inner, (path, name)) for name, inner in form.inner if name in value)
        elif type(value) is list:
            pending += ((item, form, (path, at)) for at, item in enumerate(value) if item and type(item) in _NESTED)


def place(path: Path, root: str = "") -> str:
    """Return the path as text, as in ``layers[3].size``."""
    return (root + "".join(_steps(path))).removeprefix(".")[:SHOWN]


_NESTED: Final = (dict, list)


def _strange(members: Mapping[str, object], form: Form) -> list[str]:
    if form.is_open:
        return []
    return [name for name, value in members.items() if type(value) in _NESTED and name not in form.members]


def _refuse_folded(members: Mapping[str, object], form: Form, path: Path, root: str) -> None:
    seen: dict[str, str] = dict(form.folded)
    if form.is_open:
        seen = {folded: known for folded, known in seen.items() if known in members}
    for name in members:
        folded = fold(name)
        other = seen.get(folded, name) if form.is_open else seen.setdefault(folded, name)
        if other != name:
            where = place((path, name), root)
            raise ManifestInvalid(
                f"{where}: readers that ignore case take the member {name[:SHOWN]!r} for {other[:SHOWN]!r}",
                detail={"member": name[:SHOWN], "place": where},
            )


def _steps(path: Path) -> Iterator[str]:
    steps = []
    while path is not None:
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step[:SHOWN]}")
    return reversed(steps)
