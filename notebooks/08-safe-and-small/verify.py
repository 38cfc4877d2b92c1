"""verify.py REPOSITORY TAG …: which signatures has each image, whose are they, and for which digest?

Ends with 0 when each image has a signature of the key `harbour` that is about this very image.
"""

import base64
import json
import sys
import urllib.request
from typing import Any

import boto3
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

OURS = "CN=harbour"
ecr = boto3.client("ecr")


def raw(text: str) -> bytes:
    """Return what a text in base64 for addresses stands for."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def envelope_of(name: str, digest: str) -> Any:
    """Return the signature that an artifact holds: a JSON document of what was signed, by which certificate."""
    image = ecr.batch_get_image(repositoryName=name, imageIds=[{"imageDigest": digest}])["images"][0]
    layer = json.loads(image["imageManifest"])["layers"][0]["digest"]
    url = ecr.get_download_url_for_layer(repositoryName=name, layerDigest=layer)["downloadUrl"]
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def verify(name: str, tag: str) -> bool:
    """Say what is known of an image's signatures; return whether one is ours, and about this image."""
    found = ecr.describe_images(repositoryName=name, imageIds=[{"imageTag": tag}])["imageDetails"][0]
    digest, good = found["imageDigest"], False
    signatures = ecr.list_image_referrers(repositoryName=name, subjectId={"imageDigest": digest})["referrers"]
    if not signatures:
        print(f"{tag}: no signature")
    for each in signatures:
        envelope = envelope_of(name, each["digest"])
        certificate = x509.load_der_x509_certificate(base64.b64decode(envelope["header"]["x5c"][0]))
        signer = certificate.subject.rfc4514_string().split(",")[0]
        half, key = raw(envelope["signature"]), certificate.public_key()
        signature = utils.encode_dss_signature(int.from_bytes(half[:32], "big"), int.from_bytes(half[32:], "big"))
        assert isinstance(key, ec.EllipticCurvePublicKey)
        try:
            key.verify(signature, f"{envelope['protected']}.{envelope['payload']}".encode(), ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            print(f"{tag}: a signature that does not fit its text")
            continue
        target = json.loads(raw(envelope["payload"]))["targetArtifact"]["digest"]
        same = "this image" if target == digest else "ANOTHER image"
        print(f"{tag}: signed by {signer}, for {same}")
        good = good or (target == digest and signer == OURS)
    return good


results = [verify(sys.argv[1], tag) for tag in sys.argv[2:]]
sys.exit(0 if all(results) else 1)
