"""Labels for the tests, made through the management API."""

import httpx


def make_label(client: httpx.Client, name: str, project: str | None = None, **also: object) -> int:
    """Make a label of the project, a global one for None, in the name of the client, and return its id."""
    where: dict[str, object] = {"scope": "g"}
    if project is not None:
        where = {"scope": "p", "project_id": client.get(f"/projects/{project}").json()["project_id"]}
    made = client.post("/labels", json={"name": name, **where, **also})
    assert made.status_code == 201, made.text
    return int(made.headers["Location"].removeprefix("/api/v2.0/labels/"))


def names(response: httpx.Response) -> list[str]:
    """The names of the labels, or repositories, of an answer."""
    assert response.status_code == 200, response.text
    return [shown["name"] for shown in response.json()]


def put(client: httpx.Client, place: str, *label_ids: int) -> None:
    """Add the labels to the artifact or repository with this path of labels."""
    for label_id in label_ids:
        answer = client.post(place, json={"id": label_id})
        assert answer.status_code == 200, answer.text
        assert answer.content == b""
