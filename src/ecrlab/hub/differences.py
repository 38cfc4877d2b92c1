"""What differs between the hub here and Docker Hub: what docs/fidelity.md says of it, as data."""

#: (here, at Docker Hub). Sources are named as in docs/facts/hub.md (H…).
DIFFERENCES = (
    (
        "One port, `localhost:PORT` (`$HUB`), for registry, `/token` and the HTTP API.",
        "`registry-1.docker.io`, `auth.docker.io` and `hub.docker.com`, by TLS (H002).",
    ),
    (
        "A bare name, `$HUB/busybox`, is put into `library/` by the registry.",
        "By the client, which does it for `docker.io` only (H001).",
    ),
    (
        "`library/busybox` and `ratelimitpreview/test` are made on this machine, and hold a file that says so.",
        "Docker's own images.",
    ),
    (
        "The service in tokens is `hub.ecrlab.local`; tokens are signed by HMAC (HS256) with a key of this lab.",
        "`registry.docker.io`; RS256 with a certificate in the header.",
    ),
    (
        "`POST /token` (OAuth 2) is answered 405, and no refresh tokens are given; clients go on with GET.",
        "Not covered by the fact sheet.",
    ),
    (
        "Access tokens begin with `ecrlab_pat_`; only their hashes are kept, as of passwords (scrypt).",
        "They begin with `dckr_pat_`.",
    ),
    (
        "No organisation access tokens, OIDC connections, SSO or second factor; passwords always work for docker.",
        "They exist; with a second factor passwords do not work for docker (H023, H025, H026).",
    ),
    (
        "All requests of this machine come from 127.0.0.1 and share one anonymous limit; a second port, opened by "
        "`LabClient.hub_next_door`, counts for another address, 192.0.2.7.",
        "One limit an IPv4 address or IPv6 /64.",
    ),
    (
        "A deleted manifest or tag is gone at once, through the registry too, for whoever holds the action `delete`.",
        "Images are deleted on the web pages; whether the registry takes DELETE is not covered by the fact sheet.",
    ),
    (
        "A single layer cannot be deleted (405).",
        "Not covered by the fact sheet.",
    ),
    (
        "Invitations: a member is added by the lab (`LabClient.hub_member`), at once.",
        "By an invitation that is accepted.",
    ),
    (
        "No webhooks, stars, categories, Docker Scout, immutable tags or abuse limit.",
        "They exist (H011, H021, H033).",
    ),
    (
        "No limits on requests to the HTTP API, and no `X-RateLimit-*` headers.",
        "Both exist (API reference).",
    ),
    (
        "Repositories and accounts are not deleted but by a reset.",
        "On the web pages.",
    ),
    (
        "Switched off by a learner (`lab.hub.off()`), its port cuts every request off without an answer.",
        "An outage shows itself as a timeout, a refused connection or a 5xx.",
    ),
)

#: What was chosen where no source says how Docker Hub does it.
CHOICES = (
    "**What counts as a pull.** The GET of an image's manifest; a HEAD does not (H017). The GET of an index does "
    "not count either, so that each architecture pulled counts once. Over the limit both are refused.",
    "**The window rolls** (Docker's announcement of 2020 calls it so): each pull stops counting when it is six "
    "hours of lab time old. When the lab's clock goes back, pulls that then lie ahead are forgotten.",
    "**The headers** stand on answers 200 and 429 to GET and HEAD of a manifest (H018); other answers about a "
    "manifest have `docker-ratelimit-source` only. It shows the address, for accounts too.",
    "**The sentence over the limit** without a login is that of err 111. With one it is the one of public logs of"
    " January 2026 (“You have reached your pull rate limit as …”), which names the token's `jti`; the documented "
    "one (err 112) is older.",
    "A token lives 300 seconds of lab time, as one of Docker Hub's in a public copy of March 2026 did; the fact "
    "sheet calls the number unconfirmed (H027). What it grants holds until then, whatever is changed meanwhile.",
    "Docker Hub's default for new repositories is unconfirmed (H008); here it is public until it is changed.",
    "The second private repository of a personal account is refused (403 `DENIED`); H009 gives the number only.",
    "Editors and owners of an organisation may do everything with its repositories; members what their teams may."
    " Only editors and owners make repositories, by a push too (H030).",
    "`admin` of a team, and `repo:admin` of an access token, add the action `delete`.",
    "Names of users and organisations are 2 to 30 lower-case letters, digits, `-` and `_`.",
    "`/v2/_catalog` asks for the scope `registry:catalog:*`, which nobody is granted.",
    "A repository's name with a dot or a third part, of one character or of more than 255 is refused when it is pushed "
    "to (400 `NAME_INVALID`, H003). At Docker Hub such a push was seen to end as “unauthorized: authentication "
    "required” (https://github.com/moby/moby/issues/32230, 2017), which does not name the cause.",
)

#: Operations of the HTTP API that are here, as in Docker's API reference ("Docker HUB API", version beta).
API = (
    "POST /v2/users/login",
    "POST /v2/auth/token",
    "GET /v2/access-tokens",
    "POST /v2/access-tokens",
    "GET /v2/access-tokens/UUID",
    "PATCH /v2/access-tokens/UUID",
    "DELETE /v2/access-tokens/UUID",
    "GET /v2/namespaces/NAMESPACE/repositories",
    "POST /v2/namespaces/NAMESPACE/repositories",
    "GET /v2/namespaces/NAMESPACE/repositories/REPOSITORY",
    "GET /v2/namespaces/NAMESPACE/repositories/REPOSITORY/tags",
    "GET /v2/namespaces/NAMESPACE/repositories/REPOSITORY/tags/TAG",
    "POST /v2/repositories/NAMESPACE/REPOSITORY/groups",
    "GET /v2/orgs/ORGANIZATION/members",
    "PUT /v2/orgs/ORGANIZATION/members/USER",
    "DELETE /v2/orgs/ORGANIZATION/members/USER",
    "GET /v2/orgs/ORGANIZATION/groups",
    "POST /v2/orgs/ORGANIZATION/groups",
    "GET /v2/orgs/ORGANIZATION/groups/GROUP",
    "DELETE /v2/orgs/ORGANIZATION/groups/GROUP",
    "GET /v2/orgs/ORGANIZATION/groups/GROUP/members",
    "POST /v2/orgs/ORGANIZATION/groups/GROUP/members",
    "DELETE /v2/orgs/ORGANIZATION/groups/GROUP/members/USER",
)

#: Operations that the reference does not have, and where they are from.
API_BEYOND = (
    (
        "PATCH /v2/repositories/NAMESPACE/REPOSITORY",
        "with `is_private`, as public scripts use it; the reference has no operation that changes visibility.",
    ),
)
