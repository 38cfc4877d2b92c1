"""07-e8: COMPLETE, and the tag is not there. What a learner reads is in e8.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, Result

from .state import IRELAND, VIRGINIA, copied, push_versions, replicate, rule, rules_of

MAPS = "shop/maps"
COMMANDS = (
    f"aws ecr describe-image-replication-status --repository-name {MAPS} --image-id imageTag=1 "
    "--query 'replicationStatuses[].[region,status]' --output text",
    f"aws ecr describe-images --repository-name {MAPS} --image-ids imageTag=1 "
    "--query 'imageDetails[].[imageTags[0],imageDigest]' --output text",
    f"aws ecr describe-images --repository-name {MAPS} --region {IRELAND} "
    "--query 'sort_by(imageDetails,&imagePushedAt)[].[imageTags[0],imageDigest]' --output text",
)


def cause(lab: Lab) -> Result:
    """Let a copy arrive where its tag is taken and may not move; return what both Regions say about it."""
    for region in (VIRGINIA, IRELAND):
        lab.clear(MAPS, region=region)
    before = rules_of(lab)
    push_versions(lab, MAPS, "last-year", region=IRELAND)
    ireland = lab.client("ecr", region=IRELAND)
    old = ireland.batch_get_image(repositoryName=MAPS, imageIds=[{"imageTag": "last-year"}])["images"][0]
    ireland.put_image(
        repositoryName=MAPS,
        imageManifest=old["imageManifest"],
        imageManifestMediaType=old["imageManifestMediaType"],
        imageTag="1",
    )
    ireland.batch_delete_image(repositoryName=MAPS, imageIds=[{"imageTag": "last-year"}])
    ireland.put_image_tag_mutability(repositoryName=MAPS, imageTagMutability="IMMUTABLE")
    replicate(lab, rule(MAPS))
    push_versions(lab, MAPS, "1")
    copied(lab, MAPS, "1")
    replicate(lab, *before)
    code, output = lab.sh("\n".join(COMMANDS))
    for region in (VIRGINIA, IRELAND):
        lab.clear(MAPS, region=region)
    return Result("\n".join(COMMANDS), code, output)
