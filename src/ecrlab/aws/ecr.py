"""Amazon Elastic Container Registry: repositories, images, layers, policies, tags."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar
from uuid import UUID

from ecrlab.aws.errors import ApiError
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.tokens import TOKEN_SECONDS, Token, make_token, sign_url
from ecrlab.oci import OciError, parse_manifest
from ecrlab.policy import PolicyError, parse_policy
from ecrlab.store import DigestMismatch, Manifest, ReferencesMissing, Repository, Store, UploadBusy

EXCLUDING = {"IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"}
TAGS_PER_REPOSITORY = 50
PART_SIZE = 20_971_520
SMALLEST_PART = 5 * 1024 * 1024
PULL_TIME_STEP = 24 * 3600  # facts E015


def invalid(member: str, constraint: str) -> ApiError:
    return ApiError(
        "InvalidParameterException", f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"
    )


def not_found(name: str, account: str) -> ApiError:
    """Return the error for a repository that does not exist (facts ecr-errors row 29)."""
    return ApiError(
        "RepositoryNotFoundException",
        f"The repository with name '{name}' does not exist in the registry with id '{account}'",
    )


def _registry(call: Call) -> tuple[str, str]:
    account = call.params.get("registryId", call.account)
    return account, f"{account}/{call.region}"


def _repository(call: Call) -> Repository:
    account, registry = _registry(call)
    name = call.params["repositoryName"]
    found = call.cloud.store.repository(registry, name)
    if found is None:
        raise not_found(name, account)
    return found


def _account(repository: Repository) -> str:
    return repository.registry.partition("/")[0]


def _named(repository: Repository) -> str:
    return f"the repository with name '{repository.name}' in the registry with id '{_account(repository)}'"


def _change(call: Call, repository: Repository, **changes: Any) -> Repository:
    attributes = {**repository.attributes, **changes}
    return call.cloud.store.update_repository(repository.registry, repository.name, attributes)


def _after(call: Call, parts: int) -> list[str] | None:
    """Return the texts that the request's nextToken stands for, None at the beginning of a listing.

    A token names the last item shown, not a position: every page costs the same, and what is pushed or deleted between
    two pages makes the next one neither skip nor repeat anything.
    """
    token = call.params.get("nextToken")
    if not token:
        return None
    try:
        mark, *found = bytes.fromhex(token).decode().split("\n")
    except ValueError:
        raise _wrong_token() from None
    if mark != "after" or len(found) != parts:
        raise _wrong_token()
    return found


def _wrong_token() -> ApiError:
    return ApiError(
        "InvalidParameterException",
        "Invalid parameter at 'nextToken' failed to satisfy constraint: 'Invalid token'",
    )


def _size(call: Call, usual: int) -> int:
    return int(call.params.get("maxResults") or usual)


_Item = TypeVar("_Item")


def _page(items: list[_Item], size: int, key: Callable[[_Item], tuple[str, ...]]) -> tuple[list[_Item], str | None]:
    """Return the first ``size`` items and, when there are more, the token of the page after them."""
    if len(items) <= size:
        return items, None
    return items[:size], "\n".join(("after", *key(items[size - 1]))).encode().hex()


# --------------------------------------------------------------------------------------------------------- repositories


def _shown(call: Call, repository: Repository) -> dict[str, Any]:
    account, region = repository.registry.split("/")
    attributes = repository.attributes
    return {
        "repositoryArn": f"arn:aws:ecr:{region}:{account}:repository/{repository.name}",
        "registryId": account,
        "repositoryName": repository.name,
        "repositoryUri": call.cloud.repository_uri(account, region, repository.name),
        "createdAt": repository.created,
        "imageTagMutability": attributes["mutability"],
        "imageTagMutabilityExclusionFilters": attributes["exclusions"] or None,
        "imageScanningConfiguration": {"scanOnPush": attributes["scan_on_push"]},
        "encryptionConfiguration": attributes["encryption"],
    }


def _tags(tags: Iterable[Mapping[str, str]], old: Mapping[str, str] | None = None) -> dict[str, str]:
    result = dict(old or {})
    for tag in tags:
        if not tag["Key"] or len(tag["Key"]) > 128 or len(tag["Value"]) > 256:
            raise ApiError(
                "InvalidTagParameterException", "Tag keys must have 1 to 128 characters, and tag values at most 256."
            )
        result[tag["Key"]] = tag["Value"]
    if len(result) > TAGS_PER_REPOSITORY:
        raise ApiError(
            "TooManyTagsException",
            "The list of tags on the repository is over the limit. The maximum number of tags that can be applied to a "
            f"repository is {TAGS_PER_REPOSITORY}.",
        )
    return result


def _mutability(params: Mapping[str, Any]) -> dict[str, Any]:
    value, filters = params.get("imageTagMutability", "MUTABLE"), params.get("imageTagMutabilityExclusionFilters")
    if value in EXCLUDING and not filters:
        raise invalid(
            "imageTagMutabilityExclusionFilters",
            f"ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as {value}",
        )
    if value not in EXCLUDING and filters:
        raise invalid(
            "imageTagMutabilityExclusionFilters",
            f"ImageTagMutabilityExclusionFilters can't be provided when imageTagMutability is set as {value}",
        )
    return {"mutability": value, "exclusions": filters or []}


@operation("ecr", "CreateRepository")
def create_repository(call: Call) -> dict[str, Any]:
    account, registry = _registry(call)
    name, params = call.params["repositoryName"], call.params
    if account != call.account:
        raise invalid("registryId", "A repository can only be created in the caller's own registry")
    encryption = dict(params.get("encryptionConfiguration") or {"encryptionType": "AES256"})
    if encryption["encryptionType"] == "AES256" and "kmsKey" in encryption:
        raise invalid("encryptionConfiguration", "kmsKey can only be given with encryptionType KMS or KMS_DSSE")
    if encryption["encryptionType"] != "AES256" and "kmsKey" not in encryption:
        encryption["kmsKey"] = f"arn:aws:kms:{call.region}:{account}:alias/aws/ecr"
    attributes = {
        **_mutability(params),
        "scan_on_push": (params.get("imageScanningConfiguration") or {}).get("scanOnPush", False),
        "encryption": encryption,
        "tags": _tags(params.get("tags", ())),
        "policy": None,
    }
    with call.cloud.store.transaction() as store:
        if store.repository(registry, name) is not None:
            raise ApiError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{account}'",
            )
        repository = store.create_repository(registry, name, attributes, now=call.now)
    return {"repository": _shown(call, repository)}


@operation("ecr", "DescribeRepositories")
def describe_repositories(call: Call) -> dict[str, Any]:
    account, registry = _registry(call)
    names = call.params.get("repositoryNames")
    if not names:
        [last], size = _after(call, 1) or [""], _size(call, 100)
        repositories = call.cloud.store.repositories(registry, after=last, limit=size + 1)
        items, token = _page(repositories, size, lambda repository: (repository.name,))
        return {"repositories": [_shown(call, repository) for repository in items], "nextToken": token}
    found = []
    for name in names:
        repository = call.cloud.store.repository(registry, name)
        if repository is None:
            raise not_found(name, account)
        found.append(_shown(call, repository))
    return {"repositories": found}


@operation("ecr", "DeleteRepository")
def delete_repository(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction() as store:
        repository = _repository(call)
        if not call.params.get("force") and store.count_manifests(repository):
            raise ApiError(
                "RepositoryNotEmptyException",
                f"The repository with name '{repository.name}' in registry with id '{_account(repository)}' cannot be "
                "deleted because it still contains images",
            )
        shown = _shown(call, repository)
        store.delete_repository(repository.registry, repository.name)
    hidden = ("imageScanningConfiguration", "encryptionConfiguration")
    return {"repository": {key: value for key, value in shown.items() if key not in hidden}}


@operation("ecr", "PutImageTagMutability")
def put_image_tag_mutability(call: Call) -> dict[str, Any]:
    repository = _change(call, _repository(call), **_mutability(call.params))
    return {
        "registryId": _account(repository),
        "repositoryName": repository.name,
        "imageTagMutability": repository.attributes["mutability"],
        "imageTagMutabilityExclusionFilters": repository.attributes["exclusions"] or None,
    }


@operation("ecr", "PutImageScanningConfiguration")
def put_image_scanning_configuration(call: Call) -> dict[str, Any]:
    on_push = call.params["imageScanningConfiguration"].get("scanOnPush", False)
    repository = _change(call, _repository(call), scan_on_push=on_push)
    return {
        "registryId": _account(repository),
        "repositoryName": repository.name,
        "imageScanningConfiguration": {"scanOnPush": on_push},
    }


# ------------------------------------------------------------------------------------------------------------- policies


def _resource_policy(call: Call, text: str, what: str) -> None:
    refusal = invalid("PolicyText", f"Invalid {what} policy provided")
    try:
        policy = parse_policy(text, "resource")
    except PolicyError:
        raise refusal from None
    # One that names a user or role that does not exist is refused (facts ecr-errors row 33).
    if call.cloud.identities.stranger(policy):
        raise refusal


@operation("ecr", "SetRepositoryPolicy")
def set_repository_policy(call: Call) -> dict[str, Any]:
    text = call.params["policyText"]
    repository = _repository(call)
    _resource_policy(call, text, "repository")
    _change(call, repository, policy=text)
    return _policy(repository, text)


def _policy(repository: Repository, text: str) -> dict[str, Any]:
    return {"registryId": _account(repository), "repositoryName": repository.name, "policyText": text}


def _set_policy(call: Call) -> tuple[Repository, str]:
    repository = _repository(call)
    text = repository.attributes["policy"]
    if not text:
        raise ApiError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for {_named(repository)}",
        )
    return repository, text


@operation("ecr", "GetRepositoryPolicy")
def get_repository_policy(call: Call) -> dict[str, Any]:
    return _policy(*_set_policy(call))


@operation("ecr", "DeleteRepositoryPolicy")
def delete_repository_policy(call: Call) -> dict[str, Any]:
    repository, text = _set_policy(call)
    _change(call, repository, policy=None)
    return _policy(repository, text)


def _registry_policy(call: Call) -> str:
    text = call.cloud.registry_settings(call.account, call.region).get("policy")
    if not text:
        raise ApiError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{call.account}'",
        )
    return str(text)


@operation("ecr", "PutRegistryPolicy")
def put_registry_policy(call: Call) -> dict[str, Any]:
    text = call.params["policyText"]
    _resource_policy(call, text, "registry")
    call.cloud.change_registry(call.account, call.region, policy=text)
    return {"registryId": call.account, "policyText": text}


@operation("ecr", "GetRegistryPolicy")
def get_registry_policy(call: Call) -> dict[str, Any]:
    return {"registryId": call.account, "policyText": _registry_policy(call)}


@operation("ecr", "DeleteRegistryPolicy")
def delete_registry_policy(call: Call) -> dict[str, Any]:
    text = _registry_policy(call)
    call.cloud.change_registry(call.account, call.region, policy=None)
    return {"registryId": call.account, "policyText": text}


@operation("ecr", "DescribeRegistry")
def describe_registry(call: Call) -> dict[str, Any]:
    return {"registryId": call.account, "replicationConfiguration": {"rules": []}}


SETTINGS = {
    "BLOB_MOUNTING": ("DISABLED", ("ENABLED", "DISABLED")),
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE", ("AWS_NATIVE",)),
    "REGISTRY_POLICY_SCOPE": ("V2", ("V2",)),
}


@operation("ecr", "GetAccountSetting", "PutAccountSetting")
def account_setting(call: Call) -> dict[str, Any]:
    name = call.params["name"]
    if name not in SETTINGS:
        raise invalid("name", f"Member must satisfy enum value set: [{', '.join(SETTINGS)}]")
    default, allowed = SETTINGS[name]
    if call.operation == "PutAccountSetting":
        if call.params["value"] not in allowed:
            raise invalid("value", f"Member must satisfy enum value set: [{', '.join(allowed)}]")
        call.cloud.change_registry(call.account, call.region, **{name: call.params["value"]})
    return {"name": name, "value": call.cloud.registry_settings(call.account, call.region).get(name, default)}


# ----------------------------------------------------------------------------------------------------------------- tags


def _by_arn(call: Call) -> Repository:
    arn = call.params["resourceArn"]
    found = re.fullmatch(r"arn:aws[\w-]*:ecr:([\w-]+):(\d{12}):repository/(.+)", arn)
    if not found:
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN {arn}'",
        )
    region, account, name = found.groups()
    repository = call.cloud.store.repository(f"{account}/{region}", name)
    if repository is None or region != call.region:
        raise not_found(name, account)
    return repository


@operation("ecr", "TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    repository = _by_arn(call)
    _change(call, repository, tags=_tags(call.params["tags"], repository.attributes["tags"]))
    return {}


@operation("ecr", "UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    repository = _by_arn(call)
    _change(
        call,
        repository,
        tags={k: v for k, v in repository.attributes["tags"].items() if k not in call.params["tagKeys"]},
    )
    return {}


@operation("ecr", "ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"tags": [{"Key": key, "Value": value} for key, value in _by_arn(call).attributes["tags"].items()]}


# ------------------------------------------------------------------------------------------------------------ the login


@operation("ecr", "GetAuthorizationToken")
def get_authorization_token(call: Call) -> dict[str, Any]:
    principal, expires = call.principal, call.now + TOKEN_SECONDS
    token = Token(principal.access_key, principal.account, principal.name, principal.unique_id, call.region, expires)
    password = make_token(call.cloud.secret, token)
    encoded = base64.b64encode(f"AWS:{password}".encode()).decode()
    accounts = call.params.get("registryIds") or [call.account]
    return {
        "authorizationData": [
            {
                "authorizationToken": encoded,
                "expiresAt": expires,
                "proxyEndpoint": f"http://{call.cloud.host(account, call.region)}",
            }
            for account in accounts
        ]
    }


# --------------------------------------------------------------------------------------------------------------- images


def image_size(content: bytes) -> int | None:
    """Return the compressed size of an image by its manifest: config and layers. None for an index."""
    document = _json(content)
    layers = document.get("layers")
    if not isinstance(layers, list):
        return None
    parts = [document.get("config"), *layers]
    return sum(int(part["size"]) for part in parts if isinstance(part, dict) and isinstance(part.get("size"), int))


def _json(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def _image_detail(call: Call, repository: Repository, manifest: Manifest) -> dict[str, Any]:
    document = _json(manifest.content)
    size = image_size(manifest.content)
    if size is None:
        # The largest image of a manifest list (facts E012).
        children = (
            call.cloud.store.manifest(repository, str(entry.get("digest"))) for entry in document.get("manifests", ())
        )
        size = max((image_size(child.content) or 0 for child in children if child), default=0)
    config = document.get("config")
    artifact = manifest.artifact_type or (config.get("mediaType") if isinstance(config, dict) else None)
    return {
        "registryId": _account(repository),
        "repositoryName": repository.name,
        "imageDigest": manifest.digest,
        "imageTags": list(manifest.tags) or None,
        "imageSizeInBytes": size,
        "imagePushedAt": manifest.pushed_at,
        "imageManifestMediaType": manifest.media_type,
        "artifactMediaType": artifact,
        "lastRecordedPullTime": manifest.last_pulled_at,
        "subjectManifestDigest": manifest.subject,
        "imageStatus": "ACTIVE",
    }


def _find(call: Call, repository: Repository, image_id: Mapping[str, str]) -> Manifest | None:
    """Return the image that an imageId names; with tag and digest both must fit."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    manifest = call.cloud.store.manifest(repository, str(digest or tag))
    if manifest is None or (digest and tag and tag not in manifest.tags):
        return None
    return manifest


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def _failure(image_id: Mapping[str, str]) -> dict[str, Any]:
    if not image_id:
        code, reason = "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
    elif "imageDigest" in image_id and not _DIGEST.fullmatch(image_id["imageDigest"]):
        code, reason = (
            "InvalidImageDigest",
            "Invalid request parameters: image digest should satisfy the regex '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        )
    else:
        code, reason = "ImageNotFound", "Requested image not found"
    return {"imageId": dict(image_id), "failureCode": code, "failureReason": reason}


@operation("ecr", "ListImages")
def list_images(call: Call) -> dict[str, Any]:
    repository, store = _repository(call), call.cloud.store
    status = (call.params.get("filter") or {}).get("tagStatus", "ANY")
    [kind, last], size = _after(call, 2) or ["imageTag", ""], _size(call, 100)
    ids: list[dict[str, str]] = []
    # First every tag, then what has none.
    if kind == "imageTag" and status != "UNTAGGED":
        ids += [{"imageDigest": digest, "imageTag": tag} for tag, digest in store.tags(repository, last, size + 1)]
    if len(ids) <= size and status != "TAGGED":
        after = last if kind == "imageDigest" else None
        ids += [{"imageDigest": digest} for digest in store.untagged(repository, after, size + 1 - len(ids))]
    shown, token = _page(ids, size, lambda found: list(found.items())[-1])
    return {"imageIds": shown, "nextToken": token}


@operation("ecr", "DescribeImages")
def describe_images(call: Call) -> dict[str, Any]:
    repository, ids = _repository(call), call.params.get("imageIds")
    if ids:
        found = {}
        for image_id in ids:
            manifest = _find(call, repository, image_id) if image_id else None
            if manifest is None:
                digest, tag = image_id.get("imageDigest", "null"), image_id.get("imageTag", "null")
                raise ApiError(
                    "ImageNotFoundException",
                    f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within "
                    f"{_named(repository)}",
                )
            found[manifest.digest] = manifest
        return {"imageDetails": [_image_detail(call, repository, manifest) for manifest in found.values()]}
    status = (call.params.get("filter") or {}).get("tagStatus", "ANY")
    last, size = _after(call, 2), _size(call, 100)
    try:
        after = (float(last[0]), last[1]) if last else None
    except ValueError:
        raise _wrong_token() from None
    tagged = None if status == "ANY" else status == "TAGGED"
    manifests = call.cloud.store.manifests(repository, after, size + 1, tagged)
    shown, token = _page(manifests, size, lambda manifest: (repr(manifest.pushed_at), manifest.digest))
    return {"imageDetails": [_image_detail(call, repository, manifest) for manifest in shown], "nextToken": token}


def _image(repository: Repository, manifest: Manifest, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": _account(repository),
        "repositoryName": repository.name,
        "imageId": {"imageDigest": manifest.digest, "imageTag": tag},
        "imageManifest": manifest.content.decode("utf-8", "replace"),
        "imageManifestMediaType": manifest.media_type,
    }


def note_pull(store: Store, repository: Repository, manifest: Manifest, now: float) -> None:
    """Refresh lastRecordedPullTime, at most once in 24 hours (facts E015)."""
    if manifest.last_pulled_at is None or now - manifest.last_pulled_at >= PULL_TIME_STEP:
        store.update_manifest(repository, manifest.digest, last_pulled_at=now)


@operation("ecr", "BatchGetImage")
def batch_get_image(call: Call) -> dict[str, Any]:
    repository = _repository(call)
    images, failures = [], []
    for image_id in call.params["imageIds"]:
        manifest = _find(call, repository, image_id) if image_id else None
        if manifest is None:
            failures.append(_failure(image_id))
            continue
        images.append(_image(repository, manifest, image_id.get("imageTag")))
        note_pull(call.cloud.store, repository, manifest, call.now)
    return {"images": images, "failures": failures}


def immutable(repository: Repository, tag: str) -> bool:
    """Tell whether ``tag``, once given, may not move in this repository (facts E050)."""
    mutability = repository.attributes.get("mutability", "MUTABLE")
    if mutability in ("MUTABLE", "IMMUTABLE"):
        return bool(mutability == "IMMUTABLE")
    excluded = any(_matches(item["filter"], tag) for item in repository.attributes["exclusions"])
    return bool(excluded != (mutability == "IMMUTABLE_WITH_EXCLUSION"))


def _matches(pattern: str, tag: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag) is not None


def immutable_text(repository: Repository, tag: str) -> str:
    """Return AWS's sentence about a tag that may not move (facts ecr-errors row 15)."""
    return (
        f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten because "
        "the tag is immutable."
    )


@operation("ecr", "PutImage")
def put_image(call: Call) -> dict[str, Any]:
    content = call.params["imageManifest"].encode()
    tag, given = call.params.get("imageTag"), call.params.get("imageDigest")
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    document = _json(content)
    media_type = call.params.get("imageManifestMediaType") or document.get("mediaType")
    if not document:
        raise invalid("ImageManifest", "Invalid JSON syntax")
    if not isinstance(media_type, str):
        raise ApiError("InvalidParameterException", "image manifest mediatype not provided in manifest or parameter")
    if given and given != digest:
        raise ApiError(
            "ImageDigestDoesNotMatchException",
            f"Provided digest '{given}' does not match the digest calculated by Amazon ECR '{digest}'",
        )
    try:
        parsed = parse_manifest(content, media_type)
    except OciError as error:
        raise invalid(
            "ImageManifest", f"Invalid image manifest provided: {error.message.removeprefix('manifest invalid: ')}"
        ) from None
    with call.cloud.store.transaction() as store:
        repository = _repository(call)
        existing = store.manifest(repository, digest)
        if existing is not None and (tag is None or tag in existing.tags):
            tagged = f" and tag '{tag}'" if tag else ""
            raise ApiError(
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}'{tagged} already exists in the repository with name '{repository.name}' "
                f"in registry with id '{_account(repository)}'",
            )
        if tag and immutable(repository, tag) and store.manifest(repository, tag) is not None:
            raise ApiError("ImageTagAlreadyExistsException", immutable_text(repository, tag))
        try:
            manifest = store.put_manifest(
                repository,
                digest,
                media_type,
                content,
                parsed.references,
                parsed.subject,
                artifact_type=parsed.artifact_type,
                tag=tag,
                now=call.now,
            )
        except ReferencesMissing as error:
            where = f"in {_named(repository)}"
            if error.blobs:
                raise ApiError(
                    "LayersNotFoundException", f"Layers with digests '[{', '.join(error.blobs)}]' do not exist {where}"
                ) from None
            raise ApiError(
                "ReferencedImagesNotFoundException",
                f"Images with digests '[{', '.join(error.manifests)}]' required for pushing image into repository "
                f"do not exist {where}",
            ) from None
    return {"image": _image(repository, manifest, tag)}


@operation("ecr", "BatchDeleteImage")
def batch_delete_image(call: Call) -> dict[str, Any]:
    deleted: list[dict[str, str]] = []
    failures: list[dict[str, Any]] = []
    with call.cloud.store.transaction() as store:
        repository = _repository(call)
        # Indexes first, so that one call can delete an index together with its images.
        ids = sorted(
            call.params["imageIds"],
            key=lambda image_id: not _is_index(_find(call, repository, image_id) if image_id else None),
        )
        for image_id in ids:
            manifest = _find(call, repository, image_id) if image_id else None
            if manifest is None:
                failures.append(_failure(image_id))
                continue
            whole = "imageTag" not in image_id or manifest.tags == (image_id["imageTag"],)
            if whole and store.parents(repository, manifest.digest):
                failures.append(
                    {
                        "imageId": dict(image_id),
                        "failureCode": "ImageReferencedByManifestList",
                        "failureReason": "Requested image referenced by manifest list",
                    }
                )
            elif whole:
                store.delete_manifest(repository, manifest.digest)
                tags = manifest.tags or (None,)
                deleted += [{"imageDigest": manifest.digest, **({"imageTag": tag} if tag else {})} for tag in tags]
            else:
                store.delete_tag(repository, image_id["imageTag"])
                deleted.append({"imageDigest": manifest.digest, "imageTag": image_id["imageTag"]})
    return {"imageIds": deleted, "failures": failures}


def _is_index(manifest: Manifest | None) -> bool:
    return manifest is not None and image_size(manifest.content) is None


@operation("ecr", "ListImageReferrers")
def list_image_referrers(call: Call) -> dict[str, Any]:
    repository = _repository(call)
    subject = call.params["subjectId"]["imageDigest"]
    wanted = (call.params.get("filter") or {}).get("artifactTypes")
    [last], size = _after(call, 1) or [""], _size(call, 50)
    referrers: list[dict[str, Any]] = []
    more = True
    while more and len(referrers) <= size:
        batch = call.cloud.store.referrers(repository, subject, after=last, limit=size + 1)
        more = len(batch) > size
        for manifest in batch:
            last = manifest.digest
            document = _json(manifest.content)
            config = document.get("config")
            artifact = manifest.artifact_type or (config.get("mediaType") if isinstance(config, dict) else None)
            if wanted and artifact not in wanted:
                continue
            referrers.append(
                {
                    "digest": manifest.digest,
                    "mediaType": manifest.media_type,
                    "artifactType": artifact,
                    "size": manifest.size,
                    "annotations": document.get("annotations"),
                    "artifactStatus": "ACTIVE",
                }
            )
    shown, token = _page(referrers, size, lambda found: (found["digest"],))
    return {"referrers": shown, "nextToken": token}


# --------------------------------------------------------------------------------------------------------------- layers


@operation("ecr", "BatchCheckLayerAvailability")
def batch_check_layer_availability(call: Call) -> dict[str, Any]:
    repository = _repository(call)
    layers, failures = [], []
    for digest in call.params["layerDigests"]:
        if not _DIGEST.fullmatch(digest):
            reason = "Invalid layer digest"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            continue
        blob = call.cloud.store.blob(repository, digest)
        if blob is None:
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        else:
            layers.append(
                {
                    "layerDigest": digest,
                    "layerAvailability": "AVAILABLE",
                    "layerSize": blob.size,
                    "mediaType": blob.media_type,
                }
            )
    return {"layers": layers, "failures": failures}


@operation("ecr", "GetDownloadUrlForLayer")
def get_download_url_for_layer(call: Call) -> dict[str, Any]:
    repository, digest = _repository(call), call.params["layerDigest"]
    if call.cloud.store.blob(repository, digest) is None:
        raise ApiError(
            "LayersNotFoundException",
            f"The layer with digest '{digest}' does not exist in {_named(repository)}",
        )
    path = blob_path(repository, digest)
    return {"downloadUrl": f"http://{call.host}{sign_url(call.cloud.secret, path)}", "layerDigest": digest}


def blob_path(repository: Repository, digest: str) -> str:
    """Return the path outside /v2/ at which a layer is served to whoever has the signed address."""
    return f"/_blobs/{repository.registry}/{repository.name}/{digest}"


@operation("ecr", "InitiateLayerUpload")
def initiate_layer_upload(call: Call) -> dict[str, Any]:
    return {"uploadId": str(UUID(call.cloud.store.start_upload(_repository(call)).id)), "partSize": PART_SIZE}


def _no_upload(call: Call, repository: Repository) -> ApiError:
    return ApiError(
        "UploadNotFoundException",
        f"Upload with id '{call.params['uploadId']}' could not be found for {_named(repository)}",
    )


@operation("ecr", "UploadLayerPart")
def upload_layer_part(call: Call) -> dict[str, Any]:
    repository, store = _repository(call), call.cloud.store
    upload = store.upload(repository, UUID(call.params["uploadId"]).hex)
    if upload is None:
        raise _no_upload(call, repository)
    first, last, data = call.params["partFirstByte"], call.params["partLastByte"], call.params["layerPartBlob"]
    named = {"registryId": _account(repository), "repositoryName": repository.name, "uploadId": call.params["uploadId"]}
    try:
        with upload.writing():
            if first != upload.size or last - first + 1 != len(data):
                raise ApiError(
                    "InvalidLayerPartException",
                    f"Invalid layer part upload for upload with id '{call.params['uploadId']}' in {_named(repository)}",
                    extra={**named, "lastValidByteReceived": upload.size - 1},
                )
            if upload.size % PART_SIZE and upload.size < SMALLEST_PART:
                raise ApiError("LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size.")
            upload.append(data)
    except UploadBusy:
        raise invalid("uploadId", "Another request is writing to this upload") from None
    return {**named, "lastByteReceived": upload.size - 1}


@operation("ecr", "CompleteLayerUpload")
def complete_layer_upload(call: Call) -> dict[str, Any]:
    repository, store = _repository(call), call.cloud.store
    upload = store.upload(repository, UUID(call.params["uploadId"]).hex)
    if upload is None:
        raise _no_upload(call, repository)
    where = f"in {_named(repository)}"
    if upload.size == 0:
        raise ApiError(
            "EmptyUploadException", f"The upload with id '{call.params['uploadId']}' {where} has no layer parts"
        )
    digest = next((d for d in call.params["layerDigests"] if d.startswith("sha256:")), call.params["layerDigests"][0])
    if not _DIGEST.fullmatch(digest):
        raise invalid("layerDigests", "Invalid layer digest")
    if store.blob(repository, digest) is not None:
        store.cancel_upload(upload)
        raise ApiError("LayerAlreadyExistsException", f"The layer with digest '{digest}' already exists {where}")
    try:
        store.finish_upload(upload, digest)
    except DigestMismatch as error:
        raise ApiError(
            "InvalidLayerException",
            f"The digest calculated by Amazon ECR '{error.computed}' does not match the digest '{digest}' specified "
            f"for the upload with id '{call.params['uploadId']}' {where}",
        ) from None
    except UploadBusy:
        raise invalid("uploadId", "Another request is writing to this upload") from None
    return {
        "registryId": _account(repository),
        "repositoryName": repository.name,
        "uploadId": call.params["uploadId"],
        "layerDigest": digest,
    }
