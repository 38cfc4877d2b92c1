"""The misconceptions that the course recognises, one list for exercises, drills, incidents and messages.

A rejected attempt, a wrong option and a `not_yet` verdict name one of these ids. The belief is worded as the person
would hold it; `facts` names the rows of the fact sheets that speak against it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Misconception:
    """A wrong belief: its id, what the person believes, and the fact ids against it."""

    id: str
    belief: str
    facts: str


MISCONCEPTIONS: dict[str, Misconception] = {
    row[0]: Misconception(*row)
    for row in (
        ("container-is-vm", "a container has its own kernel", "C001 C004"),
        ("runs-anywhere", "an image runs on any CPU and system", "C005 C052"),
        ("registry-stores-containers", "a registry holds containers", "C002, corr 9"),
        ("stop-loses-data", "stopping a container wipes its data", "C021"),
        ("rm-keeps-data", "removing a container keeps its data", "C021"),
        ("limit-waits", "over its memory limit a program waits or swaps", "C015, N4"),
        ("root-inside-is-nobody", "root inside is not root outside", "C009"),
        ("see-and-use-swapped", "namespaces limit, cgroups hide", "C012"),
        ("docker-makes-containers", "a container is an invention of docker's, and needs it", "C010"),
        ("limit-is-seen", "a limited program sees its limit", "C012 C013"),
        ("137-is-memory", "exit code 137 means: out of memory", "C015, N4"),
        ("code-is-cause", "one exit code, or one text, has one cause", "C052, N4"),
        ("running-is-working", "`Up` means that it serves; exit code 0 means that all was well", "C007"),
        ("libraries-are-the-machines", "a program in a container finds the machine's libraries", "C001 C006"),
        ("new-image-new-data", "a new image replaces what lies in an old volume", "C021"),
        ("every-line-a-layer", "each Dockerfile line makes a layer", "C034"),
        ("delete-hides", "a later delete shrinks or cleans the image", "C020"),
        ("order-is-taste", "the order of Dockerfile lines does not matter", "C040 C041"),
        ("id-is-digest", "image ID, layer id, tag and digest are one thing", "C024 C026 C027"),
        ("digest-of-meaning", "the same JSON in other spacing has the same digest", "C023"),
        ("tag-is-version", "a tag cannot move", "C028"),
        ("latest-is-newest", "`latest` is special, or follows the last push", "C029"),
        ("tag-copies", "`docker tag` copies or sends something", "C038"),
        ("rebuild-is-same", "the same Dockerfile gives the same image", "C049"),
        ("touch-changes-it", "a newer file date makes another image", "C040"),
        ("mode-is-free", "changing a file's rights or owner costs nothing", "C016"),
        ("one-tag-one-image", "a tag names one image for everybody", "C051"),
        ("registry-checks-the-image", "what a registry took is an image that runs", "C057"),
        ("platform-is-measured", "the processor in the config was compared with the program", "C052"),
        ("login-chooses-target", "the push goes where I am logged in", "C039"),
        ("registry-is-repository", "the two words mean one thing; one creates registries", "E003 C058"),
        ("arn-is-address", "the ARN's `repository/` belongs in the image name", "E022"),
        ("aws-login-is-docker-login", "working AWS keys mean docker may push", "E021 E034"),
        ("login-is-permission", "logged in means allowed", "E031"),
        ("login-needs-no-right", "the login is free for every user", "I056"),
        ("rights-before-identity", "existence and permissions are looked at before who I am", "errors.md G"),
        ("login-is-forever", "one login is enough", "E030, err 3"),
        ("login-per-repository", "one logs in to a repository", "corr 17"),
        ("token-is-password", "the base64 token, or the access key, is the password", "E028, err 19"),
        ("base64-hides", "base64 protects the content", "E027"),
        ("last-line-is-cause", "the last error line is the reason", "err 18"),
        ("ecr-creates-repository", "the first push creates the repository", "E056, err 5"),
        ("repository-must-be-made-by-hand", "a repository can never be created by a push", "E056"),
        ("ecr-is-global", "one registry serves all Regions", "E004 E168"),
        ("404-is-permission", '"unknown" means not allowed', "errors.md G"),
        ("403-is-missing", '"denied" means absent', "errors.md G"),
        ("unknown-is-unknown", 'every "unknown" means the same thing', "errors.md G"),
        ("iam-is-regional", "IAM belongs to a Region", "I007"),
        ("no-exception-is-success", "the script did not raise, so it worked", "N8, err 55"),
        ("hub-is-public", "Docker Hub cannot be private", "H006, corr 14"),
        ("flip-to-public", "a private ECR repository can be switched to public", "H006, corr 14"),
        ("private-is-secure", "ECR is safer because it is private", "H046"),
        ("limit-counts-all", "the Hub limit counts pushes, layers or HEADs", "H017"),
        ("ecr-has-the-limit", "the 429 of the Hub comes from AWS", "H015 H022"),
        ("allow-beats-deny", "an Allow beats a Deny", "I008"),
        ("specific-wins", "the nearer or longer statement wins", "I008"),
        ("simulator-is-verdict", "what the policy simulator says is what the request will get", "I084 A056"),
        ("notaction-forbids", "NotAction forbids what it names, and allows nothing else", "I027"),
        ("absent-key-fails", "a condition on a key that the request does not have is never true", "I030 I034"),
        ("small-iam-right", "one action of IAM is a small permission", "I088 I089"),
        ("trust-opens", "a trust policy alone lets somebody in", "I041"),
        ("any-letters", "tags, names and values match whatever the case", "I024 I033"),
        ("not-allowed-is-forbidden", "no Allow is the same as a Deny", "I060, corr 3"),
        ("login-can-be-scoped", "GetAuthorizationToken takes a repository ARN", "I057"),
        ("putimage-is-push", "one action pushes", "E071"),
        ("check-is-pull", "BatchCheckLayerAvailability is needed to pull", "E070"),
        ("repo-policy-gives-login", "a repository policy can grant the login", "E126"),
        ("root-means-everybody", "naming the account lets all its users in", "I011"),
        ("one-side-is-enough", "across accounts one Allow is enough", "I014"),
        ("boundary-grants", "a boundary or SCP gives permissions", "I005"),
        ("group-is-principal", "a group can be named as Principal", "I038"),
        ("role-is-group", "a role is a bag of permissions one belongs to", "I017"),
        ("wide-is-fixed", "`ecr:*` on `*` fixes it", "I086"),
        ("prefix-without-slash", "`repository/dev*` means the folder dev", "E047"),
        ("misspelt-is-refused", "IAM rejects an unknown action name", "I028"),
        ("unlimited", "a cloud registry has no quotas", "E061 E166"),
        ("always-up", "a cloud registry has no downtime", "E061 E166"),
        ("pulls-free-everywhere", "transfer never costs", "E138"),
        ("sum-is-stored", "the sizes that describe-images shows add up to what is kept", "E012 E076"),
        ("pull-is-whole-image", "every pull moves the whole image", "E068"),
        ("throttled-is-denied", "a 429 is a permission that is not there", "E061, err 64"),
        ("copy-comes-back", "two Regions keep each other in step", "E107 E111"),
        ("push-again-copies", "pushing what is there again sends it through a rule", "E108"),
        ("tool-shows-all", "what my tool does not show is not set", "A175"),
        ("running-needs-registry", "without a registry a running container stops", "C021"),
        ("replication-copies-the-past", "images pushed before the rule are replicated too", "E108 E109"),
        ("copies-settings", "policies and settings travel with the images", "E108 E109"),
        ("kms-by-default", "a repository is encrypted with KMS unless you choose otherwise", "E130 E133"),
        ("encryption-changeable", "the encryption of a repository can be switched later", "E130 E133"),
        ("rule-keeps", "a lifecycle rule protects what it names", "E090"),
        ("patterns-are-or", 'several patterns in one list mean "or"', "E080"),
        ("lifecycle-is-now", "a lifecycle rule runs at once", "E088"),
        ("immutable-is-undeletable", "an immutable tag cannot be deleted", "E053"),
        ("scan-blocks", "a finding stops the pull", "E104"),
        ("untagged-is-garbage", "untagged images are safe to delete", "ecr.md 9.2, err 54"),
        ("no-finding-is-clean", "no finding means no fault, and no answer means no finding", "E099 E103, err 65 66"),
        ("flag-is-setting", "the repository's scanOnPush says whether it is scanned", "E098"),
        ("gate-fails-open", "where the check could not be made, go on", "E103 E104"),
        ("signature-is-approval", "signed means good, or ECR checks it", "E161"),
        ("preview-is-promise", "what the preview shows is what will be gone", "E088 E091"),
        ("template-is-policy", "a template also governs what exists, or what is made by hand", "E056 E060"),
        ("task-role-pulls", "the app's role fetches the image", "E151"),
        ("tag-deploy-is-pinned", "deploying a tag deploys a known image", "Q86, err 131"),
        ("tag-moves-what-runs", "moving a tag changes what already runs", "Q86, err 131"),
        ("keys-in-ci", "CI needs a stored access key", "I085"),
        ("half-push-visible", "a push becomes visible piece by piece", "E066"),
        ("token-works-everywhere", "a token opens the registries of every Region", "E032"),
        ("gcr-is-current", "Google Container Registry is a choice today", "H037"),
        ("deployer-pulls", "whoever starts the deployment fetches the image", "E151 to E159"),
        ("timeout-is-denial", "no answer means no permission", "errors.md G"),
        ("retry-fixes", "running it again fixes it", "-"),
        ("words-not-reasons", "naming the word is explaining it", "-"),
        ("claims-without-showing", "saying that it works is showing that it works", "-"),
        ("number-without-use", "a number is an answer", "-"),
        ("topic-hopping", "more topics make a better answer", "-"),
        ("aws-carries-images", "the aws command moves the image", "ecr.md 8"),
        ("nothing-is-sent", "on one computer a push sends nothing", "ecr.md 8"),
        ("label-is-proof", "a registry's header or page that says the digest is proof of it", "A009 C023"),
        ("registry-vouches", "what comes from a registry is right, because it is a registry", "C023 C028"),
        ("docker-is-the-only-client", "images can only be moved by docker", "C057 E069"),
        ("pull-push-is-a-copy", "pull, tag and push carry the same bytes across", "C024 E069"),
        ("private-by-habit", "what I push is mine until I share it", "H006 H007"),
        ("public-needs-no-care", "what is public is pulled whatever I show", "E040"),
        ("everybody-includes-strangers", '`Principal: "*"` lets in who has no login at all', "E009, errors.md G"),
        ("limit-is-per-server", "each of my servers has a hundred pulls", "H015 H022"),
        ("documented-is-proved", "a cell of a comparison that nobody has run counts as known", "-"),
        ("works-is-enough", "when everybody can work, the permissions are right", "I009"),
        ("green-is-least", "a matrix without a red door proves that nothing else is open", "I084"),
        ("names-are-actions", "actions called Get or Batch only read", "I086"),
        ("tags-are-decoration", "a repository's tag decides nothing", "I030"),
        ("last-group-was-all", "whoever has left the group has lost the permission", "I009"),
        ("deny-all-but", "a Deny for all but somebody is a safe way to name one", "I027"),
        ("same-words-same-cause", "a line that was once a typo is a typo again", "N4"),
        ("it-works-now-is-closed", "when the command runs once, the ticket is over", "E030"),
        ("every-red-line-is-mine", "every refusal is to be fixed", "I009"),
        ("left-out", "nothing is missing: a step, a field or a name was left out or mistyped", "-"),
    )
}


def known(identifier: str) -> str:
    """Return the id unchanged; raise ValueError when no such misconception is listed."""
    if identifier not in MISCONCEPTIONS:
        raise ValueError(
            f"no misconception is called {identifier!r}; the list is src/ecrlab_course/documents/misconceptions.py"
        )
    return identifier
