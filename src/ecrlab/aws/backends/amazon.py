"""What the registries of ECR and ECR Public have in common."""

from __future__ import annotations

from collections.abc import Hashable

from aiohttp import web

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr.layers import blob_path, empty_upload
from ecrlab.aws.ecr.manifests import ManifestRefused, read_manifest
from ecrlab.aws.ecr.request import constraint_text
from ecrlab.aws.quotas import layer_too_large
from ecrlab.aws.tokens import sign_url
from ecrlab.oci import G, Key, OciError, ParsedManifest, RegistryBackend
from ecrlab.store import Blob, Repository, Upload

#: Names in a page of a listing when the client says no number, and the most it may ask for (facts A005, A006).
_PAGE, _LARGEST_PAGE = 100, 1000


class AmazonBackend(RegistryBackend[G]):
    """What the registries of ECR and ECR Public do not take, although the specification allows it.

    That ECR Public does as ECR is inferred.

    Args:
        cloud: the lab's.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def now(self) -> float:
        """Lab time in epoch seconds."""
        return self._cloud.clock.time()

    def largest_layer(self, repository: Repository) -> tuple[int, str] | None:
        """What the quota of the registry says: the most bytes of a layer, and what is said of more."""
        most = self._cloud.quotas.largest_layer(repository.registry)
        return None if most is None else (most, layer_too_large(most))

    async def blob_location(self, grant: G, repository: Repository, blob: Blob) -> str | None:
        """Layers come from a signed address outside /v2/, as ECR's come from Amazon S3 and ECR Public's from a content
        delivery network.
        """
        return sign_url(self._cloud.secret, blob_path(repository, blob.digest))

    def question(self, request: web.Request, key: Key) -> Hashable | None:
        """Whose password, in which second, and what else IAM is told."""
        headers = request.headers
        who, program = headers.get("Authorization", ""), headers.get("User-Agent", "")
        return who, int(self.now()), request.remote or "", program

    def check_upload(self, upload: Upload) -> None:
        """Refuse a blob of no bytes (facts A017)."""
        if upload.size == 0:
            raise OciError(400, "BLOB_UPLOAD_INVALID", empty_upload(upload.repository, upload.id))

    def read_manifest(self, content: bytes, media_type: str) -> ParsedManifest:
        """Refuse what ECR does not accept with the API's text (facts A013)."""
        try:
            return read_manifest(content, media_type)
        except ManifestRefused as refused:
            text = constraint_text("ImageManifest", refused.constraint)
            raise OciError(refused.status, "UNSUPPORTED", text) from None

    def page(self, count: int | None) -> int | None:
        """Give out pages as ListImages and DescribeRepositories do, which stand behind listings (facts A005, A006)."""
        if count is not None and count > _LARGEST_PAGE:
            constraint = f"Member must have value less than or equal to {_LARGEST_PAGE}"
            raise OciError(405, "UNSUPPORTED", constraint_text("maxResults", constraint))
        return _PAGE if count is None else count
