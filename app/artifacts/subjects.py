"""What admission checks are asked about: one class per verb, which also says how a refusal is recorded."""

from dataclasses import dataclass
from typing import ClassVar

from app.core.plugins import Verb
from app.events.refusals import AccessDenied, DeleteDenied, PullDenied, PushDenied
from app.oci.manifests import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentSubject:
    """Something that is about to happen to a repository of a project."""

    verb: ClassVar[Verb]
    denial_class: ClassVar[type[AccessDenied]]

    project_id: int
    repository: str
    """Full name, with the project."""

    @property
    def reference(self) -> str:
        """The tag or digest that a refusal is recorded under; empty for the repository alone."""
        return ""

    @property
    def denial(self) -> AccessDenied:
        """The fact that it was refused."""
        return self.denial_class(repository=self.repository, reference=self.reference)


@dataclass(frozen=True, slots=True, kw_only=True)
class Push(ContentSubject):
    """A manifest is about to enter a repository; asked inside the writing transaction, before any row changes."""

    verb = Verb.PUSH
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    digest: str
    tags: tuple[str, ...]
    """The tags that the push would set or move; each push with tags is asked about as Tagging, too."""
    manifest: Manifest

    @property
    def reference(self) -> str:
        """The first tag, or the digest."""
        return self.tags[0] if self.tags else self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadStart(ContentSubject):
    """The first byte of an upload is about to be taken, whole or in parts; asked outside a transaction."""

    verb = Verb.UPLOAD
    denial_class: ClassVar[type[AccessDenied]] = PushDenied


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount(ContentSubject):
    """A repository is about to hold a blob of another one; asked inside the writing transaction."""

    verb = Verb.MOUNT
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    digest: str

    @property
    def reference(self) -> str:
        """The blob's digest."""
        return self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull(ContentSubject):
    """A manifest or a blob is about to be read by a client; asked on the hot path, outside a transaction.

    A check must not query what a verdict can carry (``app/views.py``).
    """

    verb = Verb.PULL
    denial_class: ClassVar[type[AccessDenied]] = PullDenied

    digest: str
    artifact_id: int | None
    """None for a blob."""

    @property
    def reference(self) -> str:
        """The digest."""
        return self.digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging(ContentSubject):
    """Tags are about to be made or moved to an artifact; asked inside the writing transaction."""

    verb = Verb.TAG
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    digest: str
    tags: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The first tag."""
        return self.tags[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Untagging(ContentSubject):
    """Tags are about to go and their artifacts to stay; asked inside the writing transaction."""

    verb = Verb.UNTAG
    denial_class: ClassVar[type[AccessDenied]] = DeleteDenied

    tags: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The first tag."""
        return self.tags[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion(ContentSubject):
    """Artifacts with their tags, or a blob that no artifact has, are about to go; asked inside the transaction.

    A dry run asks outside of it, so a check reads by ``Context.read`` or ``Context.rows``.
    """

    verb = Verb.DELETE
    denial_class: ClassVar[type[AccessDenied]] = DeleteDenied

    digests: tuple[str, ...] = ()
    """Of artifacts."""
    tags: tuple[str, ...] = ()
    blobs: tuple[str, ...] = ()
    """Digests of blobs that are deleted by themselves."""

    @property
    def reference(self) -> str:
        """The first digest."""
        return (*self.digests, *self.blobs)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryDeletion(ContentSubject):
    """A repository with all that is in it is about to go; asked inside the writing transaction."""

    verb = Verb.DELETE_REPOSITORY
    denial_class: ClassVar[type[AccessDenied]] = DeleteDenied


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy(ContentSubject):
    """An artifact of another repository is about to enter this one; asked inside the writing transaction.

    What a copy brings is asked about as Push, Mount and Tagging, too.
    """

    verb = Verb.COPY
    denial_class: ClassVar[type[AccessDenied]] = PushDenied

    source: str
    """Full name of the repository it comes from."""
    digest: str
    tags: tuple[str, ...]

    @property
    def reference(self) -> str:
        """The digest."""
        return self.digest


def subjects() -> list[type[ContentSubject]]:
    """Return the classes of subjects."""
    return [
        value
        for value in globals().values()
        if isinstance(value, type) and issubclass(value, ContentSubject) and value is not ContentSubject
    ]
