"""Member names that Go's JSON decoder and other readers read differently, because Go ignores their case.

Most clients use Go's encoding/json. Decoding into a struct, it matches member names without regard to case (U+017F, the
long s, counts as s, and U+212A, the Kelvin sign, as k), and the last match wins; decoding into a map, it keeps every
name as it is. Other readers, this registry among them, match exact names only. So in an object that Go decodes into a
struct, this module refuses a name that equals a known name only when case is ignored, and two names that are equal
when case is ignored, known or not, as a later version may know them. In objects of unknown form it refuses the latter.

Structs: manifests, indexes, descriptors, platforms; image configs with their ``config``, ``container_config``,
``Healthcheck``, ``rootfs`` and ``history``; charts with their maintainers and dependencies; payloads of signatures.
Maps, which may hold "A" beside "a": ``annotations`` anywhere; ``Labels``, ``ExposedPorts`` and ``Volumes`` of an image
config; ``optional`` of a simple signing payload; ``digest`` of a statement's subject. Most readers keep a statement's
predicate as it is: in it, only names that verifiers of provenance read must not occur in two spellings.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from app.core.errors import ManifestInvalid

Path = tuple["Path", str | int] | None
"""The place of a value: the path of the object or list that contains it, and its name or position there."""
_LONG_S: Final = "\u017f"
SHOWN: Final = 200
"""The characters of a name or place that a message shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """How Go decodes an object, or the objects of a list: into a struct with these members, or into a map."""

    members: Mapping[str, "Form | None"] = field(default_factory=dict)
    """The known names, with the form of the value when it is an object or a list of objects."""
    is_map: bool = False
    is_open: bool = False
    """True where most readers keep the value as it is: only a known member beside another spelling of it is refused."""
    inner: tuple[tuple[str, "Form"], ...] = field(init=False)
    folded: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Compute what the check of every object needs."""
        inner = tuple((name, form) for name, form in self.members.items() if form is not None)
        object.__setattr__(self, "inner", inner)
        object.__setattr__(self, "folded", {fold(name): name for name in self.members})


def fold(name: str) -> str:
    """Return the name folded as Go does: two names that Go does not tell apart have the same folded name."""
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
"""One form for manifests and indexes, so that readers cannot take one for the other."""
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
_NOTARY: Final = "io.cncf.notary."
JWS: Final = _struct(
    *("payload", "protected", "signature"),
    header=_struct("x5c", f"{_NOTARY}timestampSignature", f"{_NOTARY}signingAgent"),
)
_SIGNED_TIMES: Final = ("signingTime", "authenticSigningTime", "expiry")
JWS_PROTECTED: Final = _struct(
    *("alg", "cty", "crit", f"{_NOTARY}signingScheme", *(_NOTARY + name for name in _SIGNED_TIMES))
)
JWS_PAYLOAD: Final = _struct(targetArtifact=DESCRIPTOR)
DSSE: Final = _struct("payload", "payloadType", signatures=_struct("keyid", "sig"))
_SOURCE: Final = _struct("name", "uri", "entryPoint", "downloadLocation", "mediaType", digest=MAP, annotations=OPEN)
_PREDICATE: Final = _open(
    *("buildType", "policy", "resourceUri", "timeVerified", "verificationResult", "verifiedLevels"),
    builder=_open("id"),
    invocation=_open(configSource=_SOURCE, parameters=OPEN, environment=OPEN),
    materials=_SOURCE,
    metadata=_open("reproducible", "completeness"),
    buildDefinition=_open("buildType", externalParameters=OPEN, internalParameters=OPEN, resolvedDependencies=_SOURCE),
    runDetails=_open("metadata", builder=_open("id"), byproducts=_SOURCE),
    verifier=_open("id"),
)
"""The members of provenance that verifiers read by name. Build arguments may differ in case only."""
BUNDLE: Final = _struct(
    "mediaType",
    verificationMaterial=UNKNOWN,
    messageSignature=_struct("signature", messageDigest=_struct("algorithm", "digest")),
    dsseEnvelope=DSSE,
)
STATEMENT: Final = _struct(
    "_type", "predicateType", predicate=_PREDICATE, subject=_struct("name", digest=MAP, annotations=MAP)
)
SBOM: Final = _open(
    *("bomFormat", "specVersion", "components", "dependencies", "metadata", "vulnerabilities"),
    *("spdxVersion", "SPDXID", "packages", "files", "relationships", "artifacts", "source"),
)
"""The members of CycloneDX, SPDX and Syft documents, whose content is free otherwise."""


def require_exact_names(document: object, form: Form, root: str = "") -> None:
    """Raise ManifestInvalid, with member and place, for a name that Go takes for another one.

    The places begin with ``root``. The check takes a few microseconds for a manifest, and does not recurse.
    """
    pending: list[tuple[object, Form, Path]] = [(document, form, None)]
    while pending:
        value, form, path = pending.pop()
        if type(value) is dict:
            if form.is_map or not value.keys() <= form.members.keys():
                if not form.is_map and (form.members or len(value) > 1):
                    _require_distinct(value, form, path, root)
                pending += ((value[name], UNKNOWN, (path, name)) for name in _unknown_names(value, form))
            pending += ((value[name], inner, (path, name)) for name, inner in form.inner if name in value)
        elif type(value) is list:
            pending += ((item, form, (path, at)) for at, item in enumerate(value) if item and type(item) in _CONTAINERS)


def place(path: Path, root: str = "") -> str:
    """Return the path as text, as in ``layers[3].size``."""
    return (root + "".join(_steps(path))).removeprefix(".")[:SHOWN]


_CONTAINERS: Final = (dict, list)


def _unknown_names(members: Mapping[str, object], form: Form) -> list[str]:
    """Return the names of unknown members that are objects or lists themselves; none in an open form."""
    if form.is_open:
        return []
    return [name for name, value in members.items() if type(value) in _CONTAINERS and name not in form.members]


def _require_distinct(members: Mapping[str, object], form: Form, path: Path, root: str) -> None:
    """Raise ManifestInvalid for a member that Go takes for a known one, or for another member of the object."""
    by_folded: dict[str, str] = dict(form.folded)
    if form.is_open:
        by_folded = {folded: known for folded, known in by_folded.items() if known in members}
    for name in members:
        folded = fold(name)
        same = by_folded.get(folded, name) if form.is_open else by_folded.setdefault(folded, name)
        if same != name:
            where = place((path, name), root)
            raise ManifestInvalid(
                f"{where}: readers that ignore case take the member {name[:SHOWN]!r} for {same[:SHOWN]!r}",
                detail={"member": name[:SHOWN], "place": where},
            )


def _steps(path: Path) -> Iterator[str]:
    steps = []
    while path is not None:
        path, step = path
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step[:SHOWN]}")
    return reversed(steps)
