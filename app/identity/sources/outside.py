"""The limits of calls to an outside source: a timeout, concurrent calls, and a pause after a timeout."""

import contextvars
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final

import structlog

from app.core.blocking import about_to_block
from app.core.clock import Clock
from app.core.errors import DomainError, UnavailableError
from app.db.database import require_no_transaction
from app.identity.sources.source import OutsideSource, Person

TIME_LIMIT: Final = 5.0
"""The timeout of a call in seconds."""
PAUSE: Final = 10.0
"""The seconds after a timeout during which the source is not called."""
_RETRY_SECONDS: Final = 5
_log = structlog.get_logger()


class BoundedSource:
    """Calls an outside source within the limits; any failure of the other system becomes UnavailableError."""

    def __init__(self, source: OutsideSource, clock: Clock, at_once: int, time_limit: float) -> None:
        """Allow at most ``at_once`` concurrent calls, including those still running after ``time_limit`` seconds."""
        self.name = source.name
        self._source = source
        self._clock = clock
        self._time_limit = time_limit
        self._calls = threading.BoundedSemaphore(at_once)
        self._slow_at = float("-inf")

    def enabled(self) -> bool:
        """Tell whether the source is enabled, as ``OutsideSource.enabled``."""
        return self._source.enabled()

    def verify(self, name: str, password: str) -> Person | None:
        """Return what ``OutsideSource.verify`` does, within the limits.

        Raises:
            UnavailableError: it fails, times out, is paused after a timeout, or has too many calls running.
            InternalError: this thread has a writing transaction open.

        """
        about_to_block()
        require_no_transaction("asking an identity source")
        if 0 <= self._now() - self._slow_at < PAUSE or not self._calls.acquire(blocking=False):
            raise self._unavailable()
        answers: SimpleQueue[Callable[[], Person | None]] = SimpleQueue()
        context = contextvars.copy_context()
        thread = threading.Thread(
            target=lambda: context.run(self._ask, name, password, answers), name=f"identity-{self.name}", daemon=True
        )
        try:
            thread.start()
        except RuntimeError:
            self._calls.release()
            raise self._unavailable() from None
        try:
            answer = answers.get(timeout=self._time_limit)
        except Empty:
            self._slow_at = self._now()
            _log.warning("identity_source_slow", source=self.name, seconds=self._time_limit)
            raise self._unavailable() from None
        return answer()

    def _ask(self, name: str, password: str, answers: SimpleQueue[Callable[[], Person | None]]) -> None:
        try:
            person = _checked(self._source.verify(name, password))
        except DomainError as error:
            answers.put(_raising(error))
        except Exception as error:  # noqa: BLE001 - another system's library; its defect must not end other logins
            _log.error("identity_source_failed", source=self.name, error=type(error).__name__)
            answers.put(_raising(self._unavailable()))
        else:
            answers.put(lambda: person)
        finally:
            self._calls.release()

    def _unavailable(self) -> UnavailableError:
        return UnavailableError(f"identity source {self.name} does not answer, try again", retry_after=_RETRY_SECONDS)

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _checked(answer: Person | None) -> Person | None:
    """Return the answer; raise TypeError for attributes of other types than texts, which libraries may return."""
    if answer is None:
        return None
    texts: list[object] = [answer.subject, answer.username, answer.email, answer.realname]
    texts += [text for group in answer.groups for text in (group.name, group.dn)]
    if wrong := {type(text).__name__ for text in texts if not isinstance(text, str)}:
        raise TypeError(f"a person is told in texts, not in {', '.join(sorted(wrong))}")
    return answer


def _raising(error: Exception) -> Callable[[], Person | None]:
    def answer() -> Person | None:
        raise error

    return answer
