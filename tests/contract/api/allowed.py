"""Where our OpenAPI document differs from Harbor's on purpose: the difference in the comparison's words, and why."""

ALLOWED: dict[str, str] = {}
