"""Statements about images, signed or bundled, say the same to every reader, whatever their type and envelope."""

import base64
import json

import httpx
import pytest

from app.core.media_types import DSSE_ENVELOPE, IN_TOTO, NOTATION_COSE, NOTATION_JWS, SIGSTORE_BUNDLE
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
        {"messageSignature": {"Signature": "AA=="}},
        {"messageSignature": {"messageDigest": {"algorithm": "SHA2_256", "DIGEST": "AA=="}}},
        {"verificationMaterial": {"publicKey": {"hint": "a", "Hint": "b"}}},
    ],
    ids=["signature", "log", "statement", "case of a signature", "case of a digest", "case of a key"],
)
def test_a_bundle_has_one_spelling_at_every_level(client: httpx.Client, bundle: object) -> None:
    content = json.dumps(bundle).encode()
    push(client, NAME, content)
    assert code_of(put(client, NAME, _signed(content, SIGSTORE_BUNDLE), "v1")) == INVALID


@pytest.mark.parametrize("kind", [IN_TOTO, DSSE_ENVELOPE, SIGSTORE_BUNDLE])
@pytest.mark.parametrize("alias", ["predicate_type", "type"])
def test_a_statement_has_one_spelling_in_every_envelope(client: httpx.Client, kind: str, alias: str) -> None:
    for names, accepted in ((("_type", "predicateType"), True), (("_type", "predicateType", alias), False)):
        statement = json.dumps(dict.fromkeys(names, "x") | {"subject": []}).encode()
        envelope = {"payload": base64.b64encode(statement).decode()}
        wrapped = {IN_TOTO: statement, DSSE_ENVELOPE: json.dumps(envelope).encode()}
        content = wrapped.get(kind) or json.dumps({"dsseEnvelope": envelope}).encode()
        push(client, NAME, content)
        answer = put(client, NAME, _signed(content, kind), "v1")
        assert (answer.status_code == 201) if accepted else (code_of(answer) == INVALID), answer.text


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("header", "io.cncf.notary.SigningAgent"),
        ("protected", "Alg"),
        ("protected", "io.cncf.notary.Expiry"),
        ("protected", "io.cncf.notary.signing\u017fcheme"),
    ],
)
def test_an_envelope_of_notation_has_one_spelling(client: httpx.Client, place: str, name: str) -> None:
    inner = {name: "x"}
    member = inner if place == "header" else base64.urlsafe_b64encode(json.dumps(inner).encode()).decode()
    content = json.dumps({"payload": "", "signature": "", place: member}).encode()
    push(client, NAME, content)
    assert code_of(put(client, NAME, _signed(content, NOTATION_JWS), "v1")) == INVALID


def _item(kind: int, content: bytes, length: int | None = None) -> bytes:
    """An item of CBOR with a length of two bytes."""
    return bytes([kind << 5 | 25]) + (len(content) if length is None else length).to_bytes(2) + content


_HEADERS = {
    "empty": b"\x40" + b"\xa0",
    "filled": _item(2, b"\xa1\x01\x26")
    + _item(5, b"\x18\x21" + _item(4, _item(2, b"chain") + b"\xc1\xfb" + b"\0" * 8, 2), 1),
}


@pytest.mark.parametrize("tag", [b"\xd2", b""], ids=["tagged", "bare"])
@pytest.mark.parametrize("headers", _HEADERS.values(), ids=_HEADERS)
def test_a_payload_in_cbor_has_one_spelling(client: httpx.Client, headers: bytes, tag: bytes) -> None:
    for beside, accepted in (({}, True), ({"Digest": ""}, False)):
        payload = json.dumps({"targetArtifact": descriptor(EMPTY) | beside}).encode()
        message = tag + b"\x84" + headers + _item(2, payload) + _item(2, b"signature")
        for cut in (message, message[:-9], payload, message[: len(message) // 2], b"\x84\x40\xbf"):
            push(client, NAME, cut)
            answer = put(client, NAME, _signed(cut, NOTATION_COSE), "v1")
            is_whole = cut.startswith(tag + b"\x84" + headers + _item(2, payload))
            assert (answer.status_code == 201) if accepted or not is_whole else (code_of(answer) == INVALID), (
                answer.text
            )


@pytest.mark.parametrize(
    "predicate",
    [
        {"metadata": {"reproducible": False, "Reproducible": True}},
        {"runDetails": {"metadata": {}, "Metadata": {}}},
        {"runDetails": {"byproducts": [{"uri": "a", "URI": "b"}]}},
        {"verificationResult": "FAILED", "VerificationResult": "PASSED"},
        {"verifier": {"id": "a", "Id": "b"}},
    ],
)
def test_what_a_predicate_is_judged_by_has_one_spelling(client: httpx.Client, predicate: object) -> None:
    content = json.dumps({"_type": "x", "subject": [], "predicateType": "y", "predicate": predicate}).encode()
    push(client, NAME, content)
    assert code_of(put(client, NAME, _signed(content, IN_TOTO), "v1")) == INVALID
