"""The issuer of identity tokens: a key pair, tokens signed with it, and the two documents by which they are verified.

Its name is one that cannot exist, so that a trust policy has the form that it has at AWS, without a port. Real AWS
fetches the documents from that name over TLS; here they are at a port of the lab, and the lab's STS knows them.
"""

from __future__ import annotations

import threading
import uuid
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from ecrlab.ci.errors import CiError
from ecrlab.clock import Clock
from ecrlab.store import Store

NAME = "https://git.harbour-bikes.example"
AUDIENCE = "sts.amazonaws.com"
LIFETIME = 300
"""Seconds from a token's issue to its end, as in GitHub's specimen (fact D086)."""
LONGEST = 24 * 3600
DISCOVERY, KEYS = "/.well-known/openid-configuration", "/.well-known/jwks"


class Issuer:
    """The issuer of one lab. Key and switch are kept in the lab's database and outlive a restart."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._table = store.table("ci.issuer")
        self._lock = threading.Lock()
        self._pair: tuple[str, rsa.RSAPrivateKey] | None = None

    # ---------------------------------------------------------------------------------------------------------- the key

    @property
    def on(self) -> bool:
        """Whether its documents can be fetched."""
        return self._table.get("off") is None

    def switch(self, on: bool) -> None:
        """Let its documents be fetched, or not: then nobody can verify a token, however good it is."""
        if on:
            self._table.delete("off")
        else:
            self._table.put("off", {})

    def rotate(self) -> str:
        """Take a new key in place of the present one, which is published no more; return the new one's id."""
        with self._lock:
            return self._make()[0]

    @property
    def key_id(self) -> str:
        """The id (`kid`) of the present key."""
        return self._key()[0]

    def _key(self) -> tuple[str, rsa.RSAPrivateKey]:
        with self._lock:
            if self._pair is None:
                kept = self._table.get("key")
                if kept is None:
                    return self._make()
                found = serialization.load_pem_private_key(kept["pem"].encode(), password=None)
                assert isinstance(found, rsa.RSAPrivateKey)
                self._pair = kept["kid"], found
            return self._pair

    def _make(self) -> tuple[str, rsa.RSAPrivateKey]:
        key, kid = rsa.generate_private_key(public_exponent=65537, key_size=2048), uuid.uuid4().hex
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._table.put("key", {"kid": kid, "pem": pem.decode("ascii")})
        self._pair = kid, key
        return self._pair

    # ---------------------------------------------------------------------------------------------------- the documents

    def keys(self) -> dict[str, Any]:
        """Return the key set (JWKS, RFC 7517): the public half of the key."""
        kid, key = self._key()
        public: dict[str, Any] = RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
        return {"keys": [{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": public["n"], "e": public["e"]}]}

    def discovery(self) -> dict[str, Any]:
        """Return the discovery document (OpenID Connect Discovery 1.0): where the keys are, what is signed and how."""
        return {
            "issuer": NAME,
            "jwks_uri": NAME + KEYS,
            "subject_types_supported": ["public"],
            "response_types_supported": ["id_token"],
            "claims_supported": ["sub", "aud", "exp", "iat", "iss", "jti"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "scopes_supported": ["openid"],
        }

    def published(self, issuer: str) -> dict[str, Any] | None:
        """Return the key set of the issuer of this name as anybody can fetch it; None when nobody can."""
        return self.keys() if issuer == NAME and self.on else None

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request at the issuer's port."""
        if not self.on:
            return web.Response(status=503, text="The git server does not answer at present.\n")
        answers = {DISCOVERY: self.discovery, KEYS: self.keys}
        if request.path not in answers:
            text = f"This is the git server of ECR Lab, {NAME}. It answers GET {DISCOVERY} and GET {KEYS}.\n"
            return web.Response(status=200 if request.path == "/" else 404, text=text)
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="Ask with GET.\n", headers={"Allow": "GET, HEAD"})
        return web.json_response(answers[request.path]())

    # ----------------------------------------------------------------------------------------------------------- tokens

    def token(
        self,
        subject: str,
        audience: str = AUDIENCE,
        *,
        age: float = 0,
        lifetime: float = LIFETIME,
        without: tuple[str, ...] = (),
        more: dict[str, Any] | None = None,
    ) -> str:
        """Return a signed identity token (JWT, RS256).

        Args:
            subject: its `sub`, as `ecrlab.ci.subject` writes it, or any other text.
            audience: its `aud`.
            age: seconds of lab time since its issue; above ``lifetime`` it is over.
            lifetime: seconds from issue to end.
            without: names of claims to leave out.
            more: claims beside the usual ones, such as `azp`.

        Raises CiError: a number is out of range.
        """
        if not 0 <= age <= 365 * LONGEST or not 0 < lifetime <= LONGEST:
            raise CiError(400, f"A token's age is from 0 seconds, its lifetime from 1 to {LONGEST}.")
        issued = int(self._clock.time() - age)
        claims: dict[str, Any] = {
            "iss": NAME,
            "sub": subject,
            "aud": audience,
            "iat": issued,
            "exp": issued + int(lifetime),
            "jti": str(uuid.uuid4()),
            **(more or {}),
        }
        kept = {name: value for name, value in claims.items() if name not in without}
        kid, key = self._key()
        return jwt.encode(kept, key, algorithm="RS256", headers={"kid": kid})
