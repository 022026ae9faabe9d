"""The management API's operations on the system as a whole."""

from flask.views import MethodView

from app.projects import statistics
from app.projects.statistics import Statistics
from app.system.health import Health, HealthService
from app.system.schemas import GeneralInfoSchema, OverallHealthStatusSchema, StatisticSchema, SystemInfoSchema
from app.system.service import GeneralInformation, SystemService, Volumes
from app.web.blueprint import HarborBlueprint
from app.web.session import current_context

blueprint = HarborBlueprint("system", __name__)


@blueprint.route("/ping", tags=["ping"])
class Ping(MethodView):
    """Answers when the server is up."""

    @blueprint.operation("getPing")
    @blueprint.says()
    def get(self) -> str:
        """Ping Harbor to check if it's alive."""
        return "Pong"


@blueprint.route("/health", tags=["health"])
class HealthStatus(MethodView):
    """The health of the components."""

    @blueprint.operation("getHealth", 500)
    @blueprint.shows(OverallHealthStatusSchema)
    def get(self) -> Health:
        """Check the status of Harbor components."""
        return HealthService(current_context()).health()


@blueprint.route("/statistics", tags=["statistic"])
class StatisticItem(MethodView):
    """The numbers of projects and repositories."""

    @blueprint.operation("getStatistic", 401, 500)
    @blueprint.shows(StatisticSchema)
    def get(self) -> Statistics:
        """Get the statistic information about the projects and repositories."""
        return statistics.count(current_context())


@blueprint.route("/systeminfo", tags=["systeminfo"])
class SystemInformation(MethodView):
    """General information about the installation."""

    @blueprint.operation("getSystemInfo", 500)
    @blueprint.shows(GeneralInfoSchema)
    def get(self) -> GeneralInformation:
        """Get general system info."""
        return SystemService(current_context()).general()


@blueprint.route("/systeminfo/volumes", tags=["systeminfo"])
class SystemVolumes(MethodView):
    """The size and free space of the blob storage."""

    @blueprint.operation("getVolumes", 401, 403, 404, 500)
    @blueprint.shows(SystemInfoSchema)
    def get(self) -> Volumes:
        """Get system volume info (total/free size)."""
        return SystemService(current_context()).volumes()


@blueprint.route("/systeminfo/getcert", tags=["systeminfo"])
class RootCertificate(MethodView):
    """The root certificate that clients have to trust."""

    @blueprint.operation("getCert", 500)
    @blueprint.doc(responses={404: {"description": "There is no certificate to download."}})
    @blueprint.downloads("ca.crt")
    def get(self) -> bytes:
        """Get default root certificate."""
        return SystemService(current_context()).root_certificate()
