"""Servers that start at the same time, each with an empty disk: python fleet.py N [hub|me|ecr] [REPOSITORY]

hub: strangers, all from this address. me: signed in at the Hub as learner. ecr: from our own ECR.
"""

import os
import sys
from pathlib import Path
from typing import Any

import boto3
import requests

aws: Any = boto3
count = int(sys.argv[1])
way = [*sys.argv, "hub"][2]
name = sys.argv[3] if len(sys.argv) > 3 else "library/busybox"
if way == "ecr":
    host, _, path = os.environ["REGISTRY"].partition("/")
    base = f"http://{host}/v2/{path}/{name}"
    login = "Basic " + aws.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
else:
    hub = os.environ["HUB"]
    base = f"http://{hub}/v2/{name}"
    auth = ("learner", Path(os.environ["HUB_PASSWORD_FILE"]).read_text().strip()) if way == "me" else None
    answer = requests.get(f"http://{hub}/token", params={"scope": f"repository:{name}:pull"}, auth=auth)
    login = "Bearer " + answer.json()["token"]

started = 0
for number in range(1, count + 1):
    with requests.Session() as server:
        server.headers["Authorization"] = login
        answer = server.get(f"{base}/manifests/latest")
        if answer.status_code != 200:
            break
        for piece in (answer.json()["config"], *answer.json()["layers"]):
            server.get(f"{base}/blobs/{piece['digest']}")
        started = number

said = answer.headers.get("ratelimit-remaining", "no limit spoken of")
print(f"{started} of {count} servers started. Left: {said}")
if started < count:
    sys.exit(f"server {started + 1}: {answer.status_code} {answer.json()['errors'][0]['message']}")
