"""The admission table: the checks that each verb (push, pull, delete …) must pass, in order."""

from collections.abc import Iterable

from app.artifacts import immutable_tags
from app.artifacts.subjects import subjects
from app.configuration.subjects import ConfigurationUpdate
from app.core.errors import InternalError
from app.core.plugins import AdmissionTable, Subject, Verb
from app.identity.auth_mode import require_no_accounts


def admission() -> AdmissionTable:
    """Return the table that ``Context.admit`` uses; InternalError names a verb whose row or class is missing."""
    table: AdmissionTable = {
        Verb.PUSH: (),
        Verb.UPLOAD: (),
        Verb.MOUNT: (),
        Verb.PULL: (),
        Verb.TAG: (immutable_tags.require_movable_tags,),
        Verb.UNTAG: (immutable_tags.require_removable_tags,),
        Verb.DELETE: (immutable_tags.require_deletable_artifacts,),
        Verb.DELETE_REPOSITORY: (immutable_tags.require_deletable_repository,),
        Verb.COPY: (),
        Verb.CONFIGURE: (require_no_accounts,),
    }
    require_rows(table, Verb, [*subjects(), ConfigurationUpdate])
    return table


def require_rows(table: AdmissionTable, verbs: Iterable[str], classes: Iterable[type[Subject]]) -> None:
    """Raise InternalError unless each verb has one row and one subject class, and no row or class lacks a verb."""
    known, described = sorted(map(str, verbs)), sorted(str(kind.verb) for kind in classes)
    if missing := [verb for verb in {*known, *described} if verb not in table]:
        raise InternalError(f"no row in app/admission.py for the verbs {', '.join(sorted(missing))}")
    if unknown := [verb for verb in {*table, *described} if verb not in known]:
        raise InternalError(f"no verb in app/core/plugins.py is called {', '.join(sorted(unknown))}")
    if known != described:
        wrong = {verb for verb in known if described.count(verb) != 1}
        raise InternalError(f"a subjects.py needs one class for each of the verbs {', '.join(sorted(wrong))}")
