"""The independent client ``harborapi`` talking to an instance, and what the tests make with it."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from harborapi import HarborAsyncClient
from harborapi.exceptions import StatusError, Unauthorized
from harborapi.models import UserCreationReq

from tests.support.instance import PASSWORD, Instance

Story = Callable[[HarborAsyncClient], Awaitable[None]]


@asynccontextmanager
async def signed_in(
    instance: Instance, username: str = "admin", secret: str = PASSWORD
) -> AsyncIterator[HarborAsyncClient]:
    """A client in somebody's name; its answers are checked against its own models, and nothing is tried twice."""
    client = HarborAsyncClient(
        url=f"{instance.url}/api/v2.0", username=username, secret=secret, retry=None, timeout=60.0
    )
    try:
        yield client
    finally:
        await client.client.aclose()


def tell(instance: Instance, story: Story) -> None:
    """Run a story in the administrator's name."""

    async def run() -> None:
        async with signed_in(instance) as admin:
            await story(admin)

    asyncio.run(run())


async def refused(kind: type[StatusError], call: Awaitable[object], code: str) -> None:
    """Await a call that has to fail with this error, which has to name Harbor's code."""
    with pytest.raises(kind) as raised:
        await call
    assert [error.code for error in raised.value.errors] == [code]
    assert raised.value.errors[0].message


async def shut_out(call: Callable[[], Awaitable[object]]) -> None:
    """Repeat a call until the caller is nobody any more, which every process has to know within five seconds."""
    async with asyncio.timeout(6):
        while True:
            try:
                await call()
            except Unauthorized:
                return
            await asyncio.sleep(0.2)


def unused(noun: str) -> str:
    """A name that no other test has."""
    return f"{noun}-{secrets.token_hex(4)}"


def number(location: str) -> int:
    """The id at the end of a Location."""
    return int(location.rpartition("/")[2])


async def make_person(admin: HarborAsyncClient) -> tuple[int, str]:
    """An account with the tests' password; its id and name."""
    name = unused("person")
    made = await admin.create_user(
        UserCreationReq(username=name, email=f"{name}@example.test", realname=name, password=PASSWORD)
    )
    return number(made), name
