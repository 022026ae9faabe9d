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
    made = HarborBlueprint("configure", __name__)

    def service() -> ConfigurationService:
        return ConfigurationService(current_context(), keys)

    @made.route("/configurations")
    class Configurations(MethodView):
        """All keys."""

        @made.operation("getConfigurations", 401, 403, 500)
        @made.shows(response_schema(keys))
        def get(self) -> Mapping[str, Setting]:
            """Get system configurations."""
            return service().settings()

        @made.operation("updateConfigurations", 400, 401, 403, 422, 500, while_read_only=True)
        @made.arguments(request_schema(keys))
        @made.does()
        def put(self, body: dict[str, Any]) -> None:
            """Modify system configurations."""
            service().update({name: text_of(value) for name, value in body.items()})

    @made.route("/internalconfig")
    class InternalConfiguration(MethodView):
        """All keys, for components of the product."""

        @made.operation("getInternalconfig", 401, 403, 500)
        @made.shows_by_name(InternalConfigurationValueSchema)
        def get(self) -> Mapping[str, Setting]:
            """Get internal configurations."""
            service().internal_settings()

    return made


blueprint = operations(KEYS)
