"""The management API's operations on the system configuration."""

from collections.abc import Mapping
from typing import Any

from flask.views import MethodView

from app.configuration.key import Key
from app.configuration.keys import KEYS
from app.configuration.results import Setting
from app.configuration.schemas import InternalConfigurationValueSchema, request_schema, response_schema
from app.configuration.service import ConfigurationService, text_of
from app.web.blueprint import HarborBlueprint
from app.web.session import current_context


def operations(keys: Mapping[str, Key[Any]]) -> HarborBlueprint:
    """Return the blueprint of the operations on these keys."""
    operations_blueprint = HarborBlueprint("configure", __name__)

    def service() -> ConfigurationService:
        return ConfigurationService(current_context(), keys)

    @operations_blueprint.route("/configurations")
    class Configurations(MethodView):
        """All keys."""

        @operations_blueprint.operation("getConfigurations", 401, 403, 500)
        @operations_blueprint.shows(response_schema(keys))
        def get(self) -> Mapping[str, Setting]:
            """Get system configurations."""
            return service().settings()

        @operations_blueprint.operation("updateConfigurations", 400, 401, 403, 422, 500, while_read_only=True)
        @operations_blueprint.arguments(request_schema(keys))
        @operations_blueprint.does()
        def put(self, body: dict[str, Any]) -> None:
            """Modify system configurations."""
            service().update({name: text_of(value) for name, value in body.items()})

    @operations_blueprint.route("/internalconfig")
    class InternalConfiguration(MethodView):
        """All keys, for components of the product."""

        @operations_blueprint.operation("getInternalconfig", 401, 403, 500)
        @operations_blueprint.shows_by_name(InternalConfigurationValueSchema)
        def get(self) -> Mapping[str, Setting]:
            """Get internal configurations."""
            service().internal_settings()

    return operations_blueprint


blueprint = operations(KEYS)
