"""Answers whose body is content that clients pushed."""

from typing import Protocol

from flask import Response

from app.web.etags import tagged


class TypedContent(Protocol):
    """Bytes with their media type."""

    @property
    def content(self) -> bytes:
        """The bytes."""
        ...

    @property
    def content_type(self) -> str:
        """Their media type."""
        ...


def content_answer(typed: TypedContent) -> Response:
    """Answer the content; no browser guesses another type for it, or runs what it holds, with the caller's session."""
    response = Response(typed.content, content_type=typed.content_type)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return tagged(response)
