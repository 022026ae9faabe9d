"""The subjects of admission checks: one class per verb, which also names the event that records a refusal."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.plugins import Verb
from app.events.refusals import AccessDenied, DeleteDenied, PullDenied, PushDenied
from app.oci.manifests import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSubject:
    """An operation on a repository that an admission check may refuse."""

    verb: ClassVar[Verb]
    denial_class: ClassVar[type[AccessDenied]]

    project_id: int
    repository: str
    """Full name, with the project."""

    @property
    def reference(self) -> str:
        """Return the tag or digest under which a refusal is recorded; empty for the repository itself."""
        return ""

    @property
    def denial(self) -> AccessDenied:
        """Return the event that records a refusal."""
        return self.denial_class(repository=self.repository, reference=self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(ContentSubject):
    """The push of a manifest; checked inside the writing transaction, before any row changes."""

    verb = Verb.PUSH
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    digest: str
    tags: tuple[str, ...]
    """The tags that the push would create or move; a push with tags is checked as Tagging, too."""
    manifest: Manifest

    @property
    def reference(self) -> str:
        """Return the first tag, or the digest without tags."""
        return self.tags[0] if self.tags else self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStart(ContentSubject):
    """The start of a blob upload, at its first byte; checked outside a transaction."""

    verb = Verb.UPLOAD
    denial_class: ClassVar[type[AccessDenied]] = PushDenied


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount(ContentSubject):
    """The mount of a blob from another repository; checked inside the writing transaction."""

    verb = Verb.MOUNT
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    digest: str

    @property
    def reference(self) -> str:
        """Return the blob's digest."""
        return self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull(ContentSubject):
    """The pull of a manifest or a blob; checked on the hot path, outside a transaction.

    A check must not query what a pull verdict can add to the manifest's query (``app/views.py``).
    """

    verb = Verb.PULL
    denial_class: ClassVar[type[AccessDenied]] = PullDenied

    digest: str
    artifact_id: int | None
    """None for a blob."""

    @property
    def reference(self) -> str:
        """Return the digest."""
        return self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging(ContentSubject):
    """The creation of tags of an artifact, or their move to it; checked inside the writing transaction."""

    verb = Verb.TAG
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    digest: str
    tags: tuple[str, ...]
    moved: tuple[str, ...] = ()
    """Those of the tags that point at another artifact until then."""

    @property
    def reference(self) -> str:
        """Return the first tag, of those that would move if there are any."""
        return (self.moved or self.tags)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Untagging(ContentSubject):
    """The deletion of tags without their artifacts; checked inside the writing transaction."""

    verb = Verb.UNTAG
    denial_class: ClassVar[type[AccessDenied]] = DeleteDenied

    tags: tuple[str, ...]
    subjects: tuple[str, ...] = ()
    """The digests of deleted artifacts that the tags are about, as the tag of a signature is; empty otherwise."""

    @property
    def reference(self) -> str:
        """Return the first tag."""
        return self.tags[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion(ContentSubject):
    """The deletion of artifacts with their tags, or of an unreferenced blob; checked inside the writing transaction.

    A dry run checks it outside a transaction, so a check must read with ``Context.read`` or ``Context.rows``.
    """

    verb = Verb.DELETE
    denial_class: ClassVar[type[AccessDenied]] = DeleteDenied

    digests: tuple[str, ...] = ()
    """The digests of the artifacts."""
    tags: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    """The digests of blobs that are deleted without an artifact."""

    @property
    def reference(self) -> str:
        """Return the first digest."""
        return (*self.digests, *self.blobs)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeletion(ContentSubject):
    """The deletion of a repository with its content; checked inside the writing transaction."""

    verb = Verb.DELETE_REPOSITORY
    denial_class: ClassVar[type[AccessDenied]] = DeleteDenied


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(ContentSubject):
    """The copy of an artifact from another repository; checked inside the writing transaction.

    The manifests, blobs and tags of the copy are checked as Push, Mount and Tagging, too.
    """

    verb = Verb.COPY
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    source: str
    """The full name of the source repository."""
    digest: str
    tags: tuple[str, ...]

    @property
    def reference(self) -> str:
        """Return the digest."""
        return self.digest


def subjects() -> list[type[ContentSubject]]:
    """Return all classes of subjects in this module."""
    return [
        value
        for value in globals().values()
        if isinstance(value, type) and issubclass(value, ContentSubject) and value is not ContentSubject
    ]
