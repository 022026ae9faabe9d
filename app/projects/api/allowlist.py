"""The management API's operations on the system's CVE allowlist."""

from typing import Any

from flask import request
from flask.views import MethodView

from app.projects.allowlist import AllowlistService, AllowlistView
from app.projects.schemas import CVEAllowlistSchema
from app.web.blueprint import HarborBlueprint
from app.web.session import current_context

blueprint = HarborBlueprint("SystemCVEAllowlist", __name__)


@blueprint.route("/system/CVEAllowlist")
class SystemCVEAllowlist(MethodView):
    """The system's list."""

    @blueprint.operation("getSystemCVEAllowlist", 401, 500)
    @blueprint.shows(CVEAllowlistSchema)
    def get(self) -> AllowlistView:
        """Get the system level allowlist of CVE."""
        return AllowlistService(current_context()).system()

    @blueprint.operation("putSystemCVEAllowlist", 401, 403, 500)
    @blueprint.arguments(CVEAllowlistSchema, required=False)
    @blueprint.does()
    def put(self, body: dict[str, Any]) -> None:
        """Update the system level allowlist of CVE."""
        AllowlistService(current_context()).set_system(body if request.get_data() else None)
