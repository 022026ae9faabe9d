"""The files of models: the tree that layers describe, and the text in a layer."""

import pytest

from app.core.digest import Digest
from app.oci.descriptors import Descriptor
from app.oci.limits import MODEL_FILE_BYTES, MODEL_FILE_DEPTH, MODEL_FILES
from app.oci.model_files import document_content, document_or_none, model_tree
from app.oci.unpacking import ArchiveRefused
from tests.support.archives import packed, tar

DOCUMENT = "application/vnd.cncf.model.doc.v1."


def layer(
    path: str, size: int = 1, media_type: str = DOCUMENT + "tar", key: str = "org.cncf.model.filepath"
) -> Descriptor:
    digest = Digest.of(b"x", "sha256")
    return Descriptor(media_type=media_type, digest=digest, size=size, annotations={key: path})


def test_the_tree_is_sorted_with_folders_first() -> None:
    layers = [
        layer("weights/b.bin", 2),
        layer("README.md", 3),
        layer("weights/a.bin", 0),
        layer("docs/"),
        layer("old", key="org.cnai.model.filepath"),
    ]
    weights = [{"name": "a.bin", "type": "file"}, {"name": "b.bin", "type": "file", "size": 2}]
    assert model_tree(layers) == [
        {"name": "docs", "type": "directory"},
        {"name": "weights", "type": "directory", "children": weights},
        {"name": "README.md", "type": "file", "size": 3},
        {"name": "old", "type": "file", "size": 1},
    ]


def test_nothing_leads_out_of_the_root() -> None:
    names = [
        entry["name"] for entry in model_tree([layer("../../a"), layer("/b"), layer("c/../d"), layer(".."), layer("")])
    ]
    assert names == ["a", "b", "d"]


def test_a_name_is_a_file_or_a_folder_the_first_counts() -> None:
    assert model_tree([layer("a"), layer("a/b"), layer("a", 7)]) == [{"name": "a", "type": "file", "size": 1}]
    (folder,) = model_tree([layer("a/b"), layer("a")])
    assert folder["type"] == "directory"


def test_the_tree_is_bounded() -> None:
    deep = "/".join("a" * (MODEL_FILE_DEPTH + 1))
    assert model_tree([layer(deep), layer("a/" * 2_000_000), layer("b")]) == [{"name": "b", "type": "file", "size": 1}]
    assert len(model_tree([layer(str(number)) for number in range(MODEL_FILES + 5)])) == MODEL_FILES


def test_the_readme_is_a_documentation_layer() -> None:
    names = frozenset({"README", "README.md"})
    weights = layer("README.md", media_type="application/vnd.cncf.model.weight.v1.tar")
    assert document_or_none([weights, layer("docs/README.md"), layer("Readme.md")], names) is None
    first = layer("README.md", 5)
    assert document_or_none([weights, first, layer("README")], names) is first


def test_every_packing_of_a_text() -> None:
    archive = tar({"README.md": b"# Model"})
    for packing, content in {"raw": b"# Model", "tar": archive, "tar+gzip": packed(archive)}.items():
        assert document_content(layer("README.md", media_type=DOCUMENT + packing), content) == b"# Model"


@pytest.mark.parametrize(
    ("packing", "content"),
    [
        ("tar", b"no archive"),
        ("tar", tar({})),
        ("tar+gzip", b"no archive"),
        ("tar+gzip", packed(tar({"a": bytes(MODEL_FILE_BYTES + 1)}))),
        ("tar+zstd", b""),
    ],
)
def test_what_cannot_be_read_is_refused(packing: str, content: bytes) -> None:
    with pytest.raises(ArchiveRefused):
        document_content(layer("README.md", media_type=DOCUMENT + packing), content)
