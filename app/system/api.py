"""The management API's operations on the system as a whole."""

from flask.views import MethodView

from app.system.schemas import GeneralInfoSchema, OverallHealthStatusSchema
from app.system.service import GeneralInformation, Health, SystemService
from app.web.blueprint import HarborBlueprint
from app.web.session import current_context

blueprint = HarborBlueprint("system", __name__)


@blueprint.route("/ping", tags=["ping"])
class Ping(MethodView):
    """Whether anybody is there."""

    @blueprint.operation("getPing")
    @blueprint.says()
    def get(self) -> str:
        """Ping Harbor to check if it's alive."""
        return "Pong"


@blueprint.route("/health", tags=["health"])
class HealthStatus(MethodView):
    """How the components are."""

    @blueprint.operation("getHealth", 500)
    @blueprint.shows(OverallHealthStatusSchema)
    def get(self) -> Health:
        """Check the status of Harbor components."""
        return SystemService(current_context()).health()


@blueprint.route("/systeminfo", tags=["systeminfo"])
class SystemInformation(MethodView):
    """What this installation is."""

    @blueprint.operation("getSystemInfo", 500)
    @blueprint.shows(GeneralInfoSchema)
    def get(self) -> GeneralInformation:
        """Get general system info."""
        return SystemService(current_context()).general()
