"""What changes and pulls must pass: verb -> checks, in order; the first that refuses raises."""

from collections.abc import Iterable

from app.artifacts.subjects import subjects
from app.configuration.subjects import ConfigurationUpdate
from app.core.errors import InternalError
from app.core.plugins import AdmissionTable, Subject, Verb
from app.identity.auth_mode import require_no_accounts


def admission() -> AdmissionTable:
    """Return the table that ``Context.admit`` runs; InternalError, naming the verb, when it is not whole."""
    table: AdmissionTable = {
        Verb.PUSH: (),
        Verb.UPLOAD: (),
        Verb.MOUNT: (),
        Verb.PULL: (),
        Verb.TAG: (),
        Verb.UNTAG: (),
        Verb.DELETE: (),
        Verb.DELETE_REPOSITORY: (),
        Verb.COPY: (),
        Verb.CONFIGURE: (require_no_accounts,),
    }
    require_rows(table, Verb, [*subjects(), ConfigurationUpdate])
    return table


def require_rows(table: AdmissionTable, verbs: Iterable[str], classes: Iterable[type[Subject]]) -> None:
    """Raise InternalError unless every verb has a row and one class of subjects, and every row and class a verb."""
    known, asked = sorted(map(str, verbs)), sorted(str(kind.verb) for kind in classes)
    if missing := [verb for verb in {*known, *asked} if verb not in table]:
        raise InternalError(f"no row in app/admission.py for the verbs {', '.join(sorted(missing))}")
    if unknown := [verb for verb in {*table, *asked} if verb not in known]:
        raise InternalError(f"no verb in app/core/plugins.py is called {', '.join(sorted(unknown))}")
    if known != asked:
        wrong = {verb for verb in known if asked.count(verb) != 1}
        raise InternalError(f"a subjects.py needs one class for each of the verbs {', '.join(sorted(wrong))}")
