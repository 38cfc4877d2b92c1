"""Dara releases: python dara.py 2.5 pushes shop/booking:2.5 to Virginia (python dara.py 2.5 eu-west-1: to Ireland).

With --wait it then does what copies.py does: it waits for the copies, and says how they ended.
"""

from __future__ import annotations

import os
import sys

from copies import wait_for  # type: ignore[import-not-found]
from thousand import push_all, token_of  # type: ignore[import-not-found]

ADDRESSES = {"us-east-1": os.environ["REGISTRY"], "eu-west-1": os.environ.get("REGISTRY_EU", "")}

if __name__ == "__main__":
    tag, region, *_ = [*(word for word in sys.argv[1:] if word != "--wait"), "us-east-1"]
    push_all(ADDRESSES[region], token_of(region), "shop/booking", [tag])
    print(f"Dara pushed shop/booking:{tag} to {region}")
    if "--wait" in sys.argv:
        wait_for(tag)
