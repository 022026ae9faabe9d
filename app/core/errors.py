"""The tree of domain errors, independent of HTTP and Temporal.

DomainError
├── InvalidError            the request is wrong, and the same request will never succeed
│   ├── NameInvalid · DigestInvalid · TagInvalid · SizeInvalid · PageInvalid
│   ├── ManifestInvalid · ManifestBlobUnknown · UploadInvalid
│   └── FieldInvalid (names the field and what it must be)
├── UnauthenticatedError    an anonymous caller, or wrong credentials
│   └── TokenInvalid        a token that is forged, expired, or revoked
├── DeniedError             a known caller without the right
│   ├── RobotDenied (more than the caller holds, or a robot that cannot be edited)
│   ├── ReadOnly (the administrator's switch) · FenceLost (a write lease that was lost)
│   └── QuotaExceeded (more bytes than the project's limit)
├── NotFoundError
│   └── ProjectUnknown · RepositoryUnknown · ManifestUnknown · BlobUnknown · UploadUnknown
├── ConflictError
│   └── ObjectBusy (another request writes the stored object) · Overtaken (another transaction came first)
├── PreconditionError
│   └── StillReferenced
├── LimitError
│   └── TooLarge · TooManyTags · RangeInvalid · TooManyRequests
├── UnsupportedError
├── UnavailableError        try again later, ``retry_after`` seconds when known
│   └── StorageFull · Contended (the database ended the transaction in favour of another)
└── InternalError           a defect, or damaged data
    └── ContentDamaged (a stored object that does not match its row)
"""

from enum import StrEnum
from typing import Any, ClassVar, Self


class Kind(StrEnum):
    """What an error means to the caller; each renderer maps kinds to its protocol in one table."""

    INVALID = "invalid"
    UNAUTHENTICATED = "unauthenticated"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    CONFLICT = "conflict"
    PRECONDITION = "precondition"
    LIMIT = "limit"
    UNSUPPORTED = "unsupported"
    UNAVAILABLE = "unavailable"
    INTERNAL = "internal"


class DomainError(Exception):
    """Base of all errors of the product: a kind, a stable code, a message for people and a detail for programs."""

    kind: ClassVar[Kind] = Kind.INTERNAL
    code: ClassVar[str] = "internal"
    default_message: ClassVar[str] = "internal error"

    def __init__(
        self,
        message: str | None = None,
        *,
        detail: object = None,
        retry_after: int | None = None,
    ) -> None:
        """Keep ``message`` (or the class's own), a JSON-able ``detail`` and ``retry_after`` in seconds."""
        super().__init__(message or self.default_message)
        self.detail = detail
        self.retry_after = retry_after
        self.facts: tuple[Any, ...] = ()
        """Events that ``Context.record_refusal`` emits after the rollback that this error causes."""
        self.recorded = False
        """Whether events of this error were recorded, or left out by a bound."""

    @property
    def message(self) -> str:
        """The sentence for people."""
        return str(self.args[0])

    def carrying(self, *facts: Any) -> Self:  # noqa: ANN401 - the events' classes belong to a layer above
        """Add events to record although this error rolls back the transaction; return the error."""
        self.facts += facts
        return self


class InvalidError(DomainError):
    """The request is wrong, whatever the state of the registry."""

    kind = Kind.INVALID
    code = "invalid"
    default_message = "the request is invalid"


class NameInvalid(InvalidError):
    """A repository or project name outside the grammar."""

    code = "name_invalid"
    default_message = "invalid repository name"


class DigestInvalid(InvalidError):
    """A digest that is malformed, of an unknown algorithm, or not that of the content."""

    code = "digest_invalid"
    default_message = "provided digest did not match uploaded content"


class TagInvalid(InvalidError):
    """A tag outside the grammar."""

    code = "tag_invalid"
    default_message = "invalid tag"


class SizeInvalid(InvalidError):
    """Declared and actual lengths differ."""

    code = "size_invalid"
    default_message = "provided length did not match content length"


class PageInvalid(InvalidError):
    """A page size that is no number or out of bounds."""

    code = "page_invalid"
    default_message = "invalid number of results requested"


class ManifestInvalid(InvalidError):
    """A manifest that cannot be accepted as it is."""

    code = "manifest_invalid"
    default_message = "manifest invalid"


class ManifestBlobUnknown(InvalidError):
    """A manifest names content that its repository does not hold."""

    code = "manifest_blob_unknown"
    default_message = "manifest references content unknown to the repository"


class UploadInvalid(InvalidError):
    """An upload request that breaks the upload protocol."""

    code = "upload_invalid"
    default_message = "blob upload invalid"


class FieldInvalid(InvalidError):
    """One field of a request is wrong; the message names it and says what it must be."""

    code = "field_invalid"

    def __init__(self, field: str, expectation: str) -> None:
        """Name the ``field`` and say what it must be: ``FieldInvalid("page_size", "a number from 1 to 100")``."""
        super().__init__(
            f"{field} must be {expectation}",
            detail={"field": field, "expected": expectation},
        )


class UnauthenticatedError(DomainError):
    """The caller is anonymous, or its credentials are wrong."""

    kind = Kind.UNAUTHENTICATED
    code = "unauthenticated"
    default_message = "unauthorized"


class TokenInvalid(UnauthenticatedError):
    """A token that is forged, malformed, expired or revoked; the client should fetch a new one."""

    code = "token_invalid"
    default_message = "the token is invalid or has expired"


class DeniedError(DomainError):
    """The caller is known and lacks the right."""

    kind = Kind.DENIED
    code = "denied"
    default_message = "requested access to the resource is denied"


class ReadOnly(DeniedError):
    """The administrator has switched the registry to read-only."""

    code = "read_only"
    default_message = "The system is in read only mode. Any modification is prohibited."


class RobotDenied(DeniedError):
    """A rule about robot accounts forbids what the caller's permissions allow."""

    code = "robot_denied"
    default_message = "the robot account may not be granted this"


class NotOnboarded(DeniedError):
    """An identity source accepts the login, but the person cannot have an account here; the message says why."""

    code = "not_onboarded"
    default_message = "no account can be made for this person"


class FenceLost(DeniedError):
    """A write lease expired or passed to another holder; the work that needs it must stop."""

    code = "fence_lost"
    default_message = "the write lease is no longer held"


class QuotaExceeded(DeniedError):
    """More bytes than the project's limit allows."""

    code = "quota_exceeded"
    default_message = "the project's storage limit would be exceeded"


class NotFoundError(DomainError):
    """The resource does not exist, or the caller may not know of it."""

    kind = Kind.NOT_FOUND
    code = "not_found"
    default_message = "not found"


class ProjectUnknown(NotFoundError):
    """No such project."""

    code = "project_unknown"
    default_message = "project not found"


class RepositoryUnknown(NotFoundError):
    """No such repository."""

    code = "repository_unknown"
    default_message = "repository name not known to registry"


class ManifestUnknown(NotFoundError):
    """No such manifest in the repository."""

    code = "manifest_unknown"
    default_message = "manifest unknown"


class BlobUnknown(NotFoundError):
    """No such blob in the repository."""

    code = "blob_unknown"
    default_message = "blob unknown to registry"


class UploadUnknown(NotFoundError):
    """No such upload session."""

    code = "upload_unknown"
    default_message = "blob upload unknown to registry"


class ConflictError(DomainError):
    """The resource exists already, or changed meanwhile."""

    kind = Kind.CONFLICT
    code = "conflict"
    default_message = "conflict"


class ObjectBusy(ConflictError):
    """A stored object is being written by another request."""

    code = "object_busy"
    default_message = "another request is writing to this object"


class Overtaken(ConflictError):
    """A constraint failed because another transaction added or deleted a row meanwhile; a retry finds out which."""

    default_message = "it exists already, or something still refers to it"


class PreconditionError(DomainError):
    """The resource's state does not allow this now."""

    kind = Kind.PRECONDITION
    code = "precondition"
    default_message = "precondition failed"


class StillReferenced(PreconditionError):
    """Another resource refers to this one, which therefore cannot be deleted."""

    code = "still_referenced"
    default_message = "something else still refers to it"


class TagImmutable(PreconditionError):
    """An immutability rule protects a tag that would be moved or deleted."""

    code = "tag_immutable"
    default_message = "the tag is configured as immutable"


class LimitError(DomainError):
    """A limit is exceeded."""

    kind = Kind.LIMIT
    code = "limit"
    default_message = "limit exceeded"


class TooLarge(LimitError):
    """A request body that exceeds its limit."""

    code = "too_large"
    default_message = "request body too large"


class TooManyTags(LimitError):
    """More tags in one push than a request may carry."""

    code = "too_many_tags"
    default_message = "too many tags in one push"


class RangeInvalid(LimitError):
    """A byte range that does not fit the content or the upload's offset."""

    code = "range_invalid"
    default_message = "invalid content range"


class TooManyRequests(LimitError):
    """Too many attempts; the next is accepted after ``retry_after`` seconds."""

    code = "too_many_requests"
    default_message = "too many requests"


class UnsupportedError(DomainError):
    """The protocol has this operation, PyHarbor does not."""

    kind = Kind.UNSUPPORTED
    code = "unsupported"
    default_message = "the operation is unsupported"


class UnavailableError(DomainError):
    """The request cannot be served now; it may succeed after ``retry_after`` seconds."""

    kind = Kind.UNAVAILABLE
    code = "unavailable"
    default_message = "service unavailable"


class StorageFull(UnavailableError):
    """The storage is full or refuses writes."""

    code = "storage_full"
    default_message = "the blob storage cannot be written"


class Contended(UnavailableError):
    """The database ended this transaction in favour of one that changes the same rows; a retry may succeed."""

    code = "contended"
    default_message = "too many changes of the same thing at once"


class InternalError(DomainError):
    """A defect of the product, or damaged data."""


class ContentDamaged(InternalError):
    """A stored object whose length or digest is not that of its row."""

    code = "content_damaged"
    default_message = "the stored copy of this content is damaged"
