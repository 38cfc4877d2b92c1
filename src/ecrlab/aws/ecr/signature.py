"""A Notary Project signature of an image, as AWS Signer makes it for ECR: a JWS envelope.

The form is that of the Notary Project specification 1.0 ("Signature Specification", "JWS Signature Envelope"). The key
is made here, one a signing profile, and its certificate is signed by itself: only this lab has reason to trust it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ecrlab.store import Manifest

ARTIFACT_TYPE = "application/vnd.cncf.notary.signature"
ENVELOPE_TYPE = "application/jose+json"
_PAYLOAD_TYPE = "application/vnd.cncf.notary.payload.v1+json"
_SCHEME = "io.cncf.notary.signingScheme"
_YEARS = 10


def new_key(profile: str, now: float) -> dict[str, str]:
    """Return a new key for a signing profile and the certificate of it, both PEM: {"key", "certificate"}."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "US"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "WA"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "ECR Lab (not AWS)"),
            x509.NameAttribute(NameOID.COMMON_NAME, profile.rpartition("/")[2][:64]),
        ]
    )
    begins = datetime.fromtimestamp(now, UTC) - timedelta(days=1)
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"key": secret.decode(), "certificate": certificate.public_bytes(serialization.Encoding.PEM).decode()}


def envelope(image: Manifest, kept: dict[str, str], now: float) -> bytes:
    """Return the signed envelope for an image; ``kept`` is what `new_key` returned."""
    key = serialization.load_pem_private_key(kept["key"].encode(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    certificate = x509.load_pem_x509_certificate(kept["certificate"].encode())
    target = {"mediaType": image.media_type, "digest": image.digest, "size": image.size}
    header = {
        "alg": "ES256",
        "cty": _PAYLOAD_TYPE,
        "crit": [_SCHEME],
        _SCHEME: "notary.x509",
        "io.cncf.notary.signingTime": datetime.fromtimestamp(int(now), UTC).isoformat().replace("+00:00", "Z"),
    }
    protected, payload = _part(header), _part({"targetArtifact": target})
    r, s = decode_dss_signature(key.sign(f"{protected}.{payload}".encode(), ec.ECDSA(hashes.SHA256())))
    return json.dumps(
        {
            "payload": payload,
            "protected": protected,
            "header": {
                "x5c": [base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode()],
                "io.cncf.notary.signingAgent": "ECR Lab",
            },
            "signature": _text(r.to_bytes(32, "big") + s.to_bytes(32, "big")),
        }
    ).encode()


def manifest(image: Manifest, signed: bytes, kept: dict[str, str], empty: str) -> bytes:
    """Return the manifest of the signature, which refers to the image; ``empty`` is the digest of the config ``{}``."""
    certificate = x509.load_pem_x509_certificate(kept["certificate"].encode())
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "artifactType": ARTIFACT_TYPE,
        "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": empty, "size": 2},
        "layers": [
            {
                "mediaType": ENVELOPE_TYPE,
                "digest": "sha256:" + hashlib.sha256(signed).hexdigest(),
                "size": len(signed),
            }
        ],
        "subject": {"mediaType": image.media_type, "digest": image.digest, "size": image.size},
        "annotations": {
            "io.cncf.notary.x509chain.thumbprint#S256": json.dumps([certificate.fingerprint(hashes.SHA256()).hex()])
        },
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _part(document: dict[str, Any]) -> str:
    return _text(json.dumps(document, separators=(",", ":")).encode())


def _text(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
