"""Media types of manifests, configs, layers and signatures that the registry treats specially."""

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
COSIGN_SIGNATURE = "application/vnd.dev.cosign.artifact.sig.v1+json"
COSIGN_SIMPLE_SIGNING = "application/vnd.dev.cosign.simplesigning.v1+json"
NOTATION_SIGNATURE = "application/vnd.cncf.notary.signature"
NOTATION_JWS = "application/jose+json"
NOTATION_COSE = "application/cose"
DSSE_ENVELOPE = "application/vnd.dsse.envelope.v1+json"
SIGSTORE_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
CYCLONEDX = "application/vnd.cyclonedx+json"
OCTET_STREAM = "application/octet-stream"

INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
IMAGE_CONFIGS = frozenset({OCI_CONFIG, DOCKER_CONFIG})
ATTESTATIONS = frozenset({SIGSTORE_BUNDLE, DSSE_ENVELOPE, IN_TOTO})
"""Statements about an image, signed or not, such as its provenance or its SBOM."""
NON_DISTRIBUTABLE = frozenset(
    {
        "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
    }
)
"""Layers that a registry need not hold (image-spec layer.md, Non-Distributable Layers)."""
KNOWN = (
    INDEXES
    | MANIFESTS
    | IMAGE_CONFIGS
    | ATTESTATIONS
    | NON_DISTRIBUTABLE
    | {OCI_EMPTY, HELM_CONFIG, COSIGN_SIMPLE_SIGNING, NOTATION_SIGNATURE, NOTATION_JWS}
)
"""All types above that decide how content is read."""
