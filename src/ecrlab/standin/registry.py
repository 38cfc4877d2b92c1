"""A registry on this computer, spoken to as docker speaks to it: plain HTTP, and docker's words for what goes wrong.

Texts follow the distribution client that docker is built with: an error body whose entry has no detail and the code's
standard message is printed as the code alone (`unauthorized`), any other as `code: message`.
"""

from __future__ import annotations

import base64
import http.client
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO
from urllib.parse import quote, urlencode, urljoin, urlsplit

from ecrlab.standin.errors import DockerError
from ecrlab.standin.images import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

USER_AGENT = "ecrlab-standin/0.1 (docker stand-in)"
LOCAL = ("localhost", "127.0.0.1", "[::1]")
ACCEPT = ", ".join((DOCKER_MANIFEST, DOCKER_LIST, OCI_INDEX, OCI_MANIFEST))
BLOCK = 1 << 16

# Each code of the distribution specification with the message that its client takes for granted.
STANDARD = {
    "UNKNOWN": "unknown error",
    "UNSUPPORTED": "The operation is unsupported.",
    "UNAUTHORIZED": "authentication required",
    "DENIED": "requested access to the resource is denied",
    "UNAVAILABLE": "service unavailable",
    "TOOMANYREQUESTS": "too many requests",
    "DIGEST_INVALID": "provided digest did not match uploaded content",
    "SIZE_INVALID": "provided length did not match content length",
    "RANGE_INVALID": "invalid content range",
    "NAME_INVALID": "invalid repository name",
    "TAG_INVALID": "manifest tag did not match URI",
    "NAME_UNKNOWN": "repository name not known to registry",
    "MANIFEST_UNKNOWN": "manifest unknown",
    "MANIFEST_INVALID": "manifest invalid",
    "MANIFEST_UNVERIFIED": "manifest failed signature verification",
    "MANIFEST_BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UNKNOWN": "blob unknown to registry",
    "BLOB_UPLOAD_UNKNOWN": "blob upload unknown to registry",
    "BLOB_UPLOAD_INVALID": "blob upload invalid",
}


class RefusedError(Exception):
    """A registry said no. `code` is its only error's code, or empty; `full` tells whether it said more than a code."""

    def __init__(self, text: str, code: str = "", full: bool = False) -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.full = full


class NotLoggedInError(Exception):
    """The registry asks for a login and docker's config has none; `text` is docker's."""

    text = "no basic auth credentials"


class UnreachableError(Exception):
    """Nothing answered."""


@dataclass(frozen=True)
class Answer:
    """A registry's answer. Header names are in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes = b""

    def refusal(self) -> RefusedError:
        """Return what docker makes of an answer that is not a success."""
        if not 400 <= self.status < 500:
            return RefusedError(f"received unexpected HTTP status: {self.status} {self.reason}")
        # A Bearer challenge's own error comes first (distribution's client: HandleErrorResponse).
        challenged = re.search(r'(?i)^bearer .*\berror="(\w+)"', self.headers.get("www-authenticate", ""))
        code = {"insufficient_scope": "DENIED", "invalid_token": "UNAUTHORIZED"}.get(
            challenged[1] if challenged else ""
        )
        if code:
            return RefusedError(f"{code.lower()}: {STANDARD[code]}", code, full=True)
        try:
            document = json.loads(self.body)
            errors = document.get("errors", []) if isinstance(document, dict) else []
        except ValueError:
            document, errors = None, []
        details = document.get("details") if isinstance(document, dict) else None
        if details and self.status in (401, 429):  # as a token service of Docker Hub says no
            code = "UNAUTHORIZED" if self.status == 401 else "TOOMANYREQUESTS"
            return RefusedError(f"{code.lower()}: {details}", code, full=True)
        if not errors:
            if self.status == 401:
                return RefusedError("unauthorized: authentication required", "UNAUTHORIZED")
            return RefusedError(
                f"error parsing HTTP {self.status} response body: {self._why()}: {json.dumps(self._text())}"
            )
        texts = [_error_text(error) for error in errors]
        if len(texts) > 1:
            return RefusedError("errors:\n" + "".join(f"{text}\n" for text, _, _ in texts))
        return RefusedError(*texts[0])

    def _text(self) -> str:
        return self.body.decode(errors="replace")

    def _why(self) -> str:
        if not self.body:
            return "unexpected end of JSON input"
        try:
            json.loads(self.body)
        except ValueError:
            return f"invalid character '{self._text()[:1]}' looking for beginning of value"
        return "no error details found in HTTP response body"


def _error_text(error: dict[str, object]) -> tuple[str, str, bool]:
    code = str(error.get("code") or "UNKNOWN")
    code = code if code in STANDARD else "UNKNOWN"
    message = str(error.get("message") or "")
    shown = code.lower().replace("_", " ")
    if error.get("detail") is None and message in ("", STANDARD[code]):
        return shown, code, False
    return f"{shown}: {message or STANDARD[code]}", code, True


@dataclass
class Registry:
    """One registry: its host with port, and the login for it, if any."""

    host: str
    login: tuple[str, str] | None
    _connections: dict[str, http.client.HTTPConnection] = field(default_factory=dict)
    _challenge: str = ""
    _bearer: dict[str, str] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    scope: str = ""  # what a token must allow, where the registry hands out tokens

    def __post_init__(self) -> None:
        if _name(self.host) not in LOCAL:
            raise DockerError(
                f"{self.host}: ECR Lab's stand-in for docker speaks only to registries on this computer (localhost). "
                "'ecrlab doctor' says how to get a container engine."
            )

    def url(self, path: str) -> str:
        """Return the address of a path on this registry."""
        return f"http://{self.host}{path}"

    # the conversation

    def send(
        self,
        method: str,
        url: str,
        *,
        body: bytes | Path | None = None,
        headers: dict[str, str] | None = None,
        auth: bool = True,
    ) -> Answer:
        """Send a request and return the whole answer. A path as body is streamed in chunks, as docker does."""
        response = self._exchange(method, url, body, headers or {}, auth)
        data = response.read()
        return Answer(response.status, response.reason, _headers(response), data)

    def download(self, url: str, target: IO[bytes]) -> Iterator[bytes]:
        """Write what a GET answers to a file, following redirects, and yield it block by block. Raises RefusedError."""
        auth = True
        for _ in range(5):
            response = self._exchange("GET", url, None, {}, auth)
            if response.status in (301, 302, 303, 307, 308):
                response.read()
                url, auth = urljoin(url, response.getheader("Location", "")), False  # a signed address needs no login
                continue
            if response.status != 200:
                answer = Answer(response.status, response.reason, _headers(response), response.read())
                raise RefusedError("unknown blob", "BLOB_UNKNOWN") if answer.status == 404 else answer.refusal()
            while block := response.read(BLOCK):
                target.write(block)
                yield block
            return
        raise RefusedError(f'Get "{url}": stopped after 5 redirects')

    def _exchange(
        self, method: str, url: str, body: bytes | Path | None, headers: dict[str, str], auth: bool
    ) -> http.client.HTTPResponse:
        parts = urlsplit(url)
        if parts.scheme != "http" or _name(parts.netloc) not in LOCAL:
            raise DockerError(
                f"{url}: ECR Lab's stand-in for docker speaks only plain http to this computer (localhost)."
            )
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        sent = {"User-Agent": USER_AGENT, **headers}
        if auth and (value := self._authorization(method, url)):
            sent["Authorization"] = value
        fresh = parts.netloc not in self._connections
        connection = self._connections.setdefault(parts.netloc, http.client.HTTPConnection(parts.netloc, timeout=600))
        try:
            try:
                return _ask(connection, method, path, body, sent)
            except (http.client.RemoteDisconnected, ConnectionError):
                if fresh:
                    raise
                connection.close()  # the server closed a connection that was kept open: ask again on a new one
                return _ask(connection, method, path, body, sent)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise UnreachableError(f'{method.capitalize()} "{url}": {_why(error, parts.netloc)}') from error

    # who asks

    def ping(self) -> Answer:
        """Ask `GET /v2/` without a login and note how the registry wants to be told who asks."""
        answer = self.send("GET", self.url("/v2/"), auth=False)
        challenge = answer.headers.get("www-authenticate", "") if answer.status == 401 else ""
        scheme, _, rest = challenge.partition(" ")
        self._challenge = scheme.lower()
        self._bearer = dict(re.findall(r'(\w+)="([^"]*)"', rest))
        return answer

    def basic(self) -> str:
        """Return the Basic header of the login. Raises NotLoggedInError."""
        if self.login is None:
            raise NotLoggedInError
        return "Basic " + base64.b64encode(":".join(self.login).encode()).decode()

    def _authorization(self, method: str, url: str) -> str:
        if self._challenge == "basic":
            return self.basic()
        if self._challenge == "bearer":
            return f"Bearer {self.token()}"
        return ""

    def token(self) -> str:
        """Return a token for the scope in use, fetched once (fact: distribution, auth/token)."""
        if self.scope not in self._tokens:
            query = {"service": self._bearer.get("service", "")}
            if self.scope:
                query["scope"] = self.scope
            if self.login:
                query = {"account": self.login[0], "client_id": "docker", "offline_token": "true", **query}
            url = f"{self._bearer.get('realm', '')}?{urlencode(query)}"
            headers = {"Authorization": self.basic()} if self.login else {}
            answer = self.send("GET", url, headers=headers, auth=False)
            if answer.status != 200:
                raise answer.refusal()
            document = json.loads(answer.body)
            self._tokens[self.scope] = document.get("token") or document.get("access_token") or ""
        return self._tokens[self.scope]

    # paths

    def blob_url(self, path: str, digest: str) -> str:
        """Return the address of a blob."""
        return self.url(f"/v2/{path}/blobs/{digest}")

    def manifest_url(self, path: str, reference: str) -> str:
        """Return the address of a manifest, by tag or digest."""
        return self.url(f"/v2/{path}/manifests/{reference}")

    def upload_url(self, path: str, mount: str = "", source: str = "") -> str:
        """Return the address that starts an upload, or mounts a blob of another repository."""
        query = f"?from={quote(source, safe='')}&mount={quote(mount, safe='')}" if mount else ""
        return self.url(f"/v2/{path}/blobs/uploads/{query}")


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | Path | None, headers: dict[str, str]
) -> http.client.HTTPResponse:
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    try:
        if isinstance(body, Path):
            connection.putheader("Transfer-Encoding", "chunked")
            with open(body, "rb") as file:
                connection.endheaders(iter(lambda: file.read(BLOCK), b""), encode_chunked=True)
        else:
            if body is not None or method in ("POST", "PUT", "PATCH"):
                connection.putheader("Content-Length", str(len(body or b"")))
            connection.endheaders(body or None)
    except (BrokenPipeError, ConnectionResetError):
        if body is None:
            raise
        # The registry answered before it had read all and closed: its answer says why.
    return connection.getresponse()


def _headers(response: http.client.HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.getheaders()}


def _name(netloc: str) -> str:
    return re.sub(r":\d+$", "", netloc)


def _why(error: Exception, netloc: str) -> str:
    address = re.sub("^localhost", "127.0.0.1", netloc if re.search(r":\d+$", netloc) else f"{netloc}:80")
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(error, (http.client.RemoteDisconnected, http.client.IncompleteRead)):
        return "EOF"
    if isinstance(error, TimeoutError):
        return f"dial tcp {address}: i/o timeout"
    return f"dial tcp {address}: {error}"
