"""Statements about images, signed or bundled, say the same to every reader, whatever their type and envelope."""

import base64
import json

import httpx
import pytest

from app.core.media_types import DSSE_ENVELOPE, IN_TOTO, SIGSTORE_BUNDLE
from tests.support.blobs import push
from tests.support.contents import code_of
from tests.support.manifests import EMPTY, descriptor, image, put

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
NAME = "library-test/app"
INVALID = (400, "MANIFEST_INVALID")
_BUNDLE = "application/vnd.dev.sigstore.bundle"
BUNDLES = [
    *(f"{_BUNDLE}.v0.{minor}+json" for minor in (1, 2, 3, 4)),
    *(f"{_BUNDLE}+json;version=0.{minor}" for minor in (1, 3)),
    f"{_BUNDLE}+json; version=0.3",
    f'{_BUNDLE}+json;version="0.3"',
    f"{_BUNDLE}+json",
]


def _signed(payload: bytes, kind: str) -> bytes:
    return image(config=EMPTY, layers=[descriptor(payload, kind)])


@pytest.fixture
def client(pusher: httpx.Client) -> httpx.Client:
    """A pusher whose repository holds the empty config."""
    push(pusher, NAME, EMPTY)
    return pusher


@pytest.mark.parametrize("alias", ["dsse_envelope", "media_type", "dsseEnvelope.payload_type"])
def test_a_bundle_has_one_spelling(client: httpx.Client, alias: str) -> None:
    *outer, name = alias.split(".")
    inner = {name: {"payload": "AA=="}}
    bundle = json.dumps({outer[0]: inner} if outer else inner).encode()
    push(client, NAME, bundle)
    assert code_of(put(client, NAME, _signed(bundle, SIGSTORE_BUNDLE), "v1")) == INVALID


@pytest.mark.parametrize("kind", [*BUNDLES, IN_TOTO])
def test_statements_of_all_types_have_one_subject(client: httpx.Client, kind: str) -> None:
    for names, accepted in ((("subject",), True), (("subject", "Subject"), False)):
        content = json.dumps({"_type": "x"} | {name: [{"name": "a", "digest": {}}] for name in names}).encode()
        if kind in BUNDLES:
            content = json.dumps({"dsseEnvelope": {"payload": base64.b64encode(content).decode()}}).encode()
        push(client, NAME, content)
        answer = put(client, NAME, _signed(content, kind), "v1")
        assert (answer.status_code == 201) if accepted else (code_of(answer) == INVALID), answer.text


STATEMENT = '{"_type":"t","subject":[{"digest":{"sha256":"aa"},"Digest":{"sha256":"bb"}}],"predicateType":"x"}'
LENIENT = ["", ',"x":"\\ud800"', ',"x":"\udcff"', f',"x":{"9" * 6000}', "} and more"]


@pytest.mark.parametrize("rest", LENIENT, ids=["valid", "surrogate", "byte", "number", "text behind"])
@pytest.mark.parametrize("broken", [False, True], ids=["one line", "line breaks"])
def test_an_envelope_that_only_lenient_readers_take_hides_nothing(
    client: httpx.Client, rest: str, broken: bool
) -> None:
    encoded = base64.b64encode(STATEMENT.encode()).decode().rstrip("=")
    payload = f"{encoded[:8]}\\r\\n{encoded[8:]}\\n" if broken else encoded
    content = f'{{"payload":"{payload}","payloadType":"x","signatures":[]{rest}'.encode(errors="surrogateescape")
    content += b"" if rest.startswith("}") else b"}"
    push(client, NAME, content)
    assert code_of(put(client, NAME, _signed(content, DSSE_ENVELOPE), "v1")) == INVALID


@pytest.mark.parametrize(
    "bundle",
    [
        {"messageSignature": {"message_digest": "x"}},
        {"verificationMaterial": {"tlogEntries": [{"log_index": 1}]}},
        {"dsseEnvelope": {"payload": base64.b64encode(b'{"predicate_type":"y"}').decode()}},
    ],
    ids=["signature", "log", "statement"],
)
def test_a_bundle_has_one_spelling_at_every_level(client: httpx.Client, bundle: object) -> None:
    content = json.dumps(bundle).encode()
    push(client, NAME, content)
    assert code_of(put(client, NAME, _signed(content, SIGSTORE_BUNDLE), "v1")) == INVALID
