"""Immutability rules for tests, made through the management API."""

import httpx

RULES = "/projects/private/immutabletagrules"


def rule_body(tag: str = "v*", repository: str = "**", **changed: object) -> dict[str, object]:
    """A rule that protects the tags of the repositories that match."""
    return {
        "action": "immutable",
        "template": "immutable_template",
        "tag_selectors": [{"kind": "doublestar", "decoration": "matches", "pattern": tag}],
        "scope_selectors": {"repository": [{"kind": "doublestar", "decoration": "repoMatches", "pattern": repository}]},
        **changed,
    }


def make_rule(admin: httpx.Client, tag: str = "v*", repository: str = "**", **changed: object) -> int:
    """Make a rule of the private project and return its id."""
    answer = admin.post(RULES, json=rule_body(tag, repository, **changed))
    assert answer.status_code == 201, answer.text
    return int(answer.headers["Location"].rpartition("/")[2])
