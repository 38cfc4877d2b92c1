"""`docker login` and `docker logout`."""

from __future__ import annotations

import sys

from ecrlab.standin.command import Call, Command, Flag
from ecrlab.standin.errors import DockerError, from_daemon
from ecrlab.standin.lab import logins
from ecrlab.standin.output import err, out


def login(call: Call) -> None:
    """Ask the registry whether it takes a user's password, and keep it. Raises DockerError."""
    from ecrlab.standin.logins import HUB_KEY, server_key
    from ecrlab.standin.registry import NotLoggedInError, RefusedError, Registry, UnreachableError

    user, password = call.text("username"), call.text("password")
    if call.on("password-stdin"):
        if "password" in call.flags:
            raise DockerError("conflicting options: cannot specify both --password and --password-stdin")
        if "username" not in call.flags:
            raise DockerError("the --password-stdin option requires --username to be set")
        password = sys.stdin.read().removesuffix("\n").removesuffix("\r")
    elif "password" in call.flags:
        err("WARNING! Using --password via the CLI is insecure. Use --password-stdin.")
    host = server_key(call.arguments[0] if call.arguments else "")
    if host == HUB_KEY:
        host = "registry-1.docker.io"
    kept = logins(call.config)
    if not user and not password and (existing := kept.get(host)):
        user, password = existing
        err(f"Authenticating with existing credentials... [Username: {user}]\n")
        err(" Info -> To login with a different account, run 'docker logout' followed by 'docker login'\n\n")
    if sys.stdin.isatty() and not call.on("password-stdin"):
        import getpass

        user = user or input("Username: ").strip()
        password = password or getpass.getpass("Password: ")
    if not user or not password:
        raise DockerError("Error: Cannot perform an interactive login from a non TTY device")
    registry = Registry(host, (user, password))
    url = registry.url("/v2/")
    try:
        registry.ping()
        answer = registry.send("GET", url)
    except (UnreachableError, NotLoggedInError) as error:
        raise from_daemon(str(error)) from error
    except RefusedError as error:
        raise from_daemon(f'Get "{url}": {error.text}') from error
    if answer.status != 200:
        raise from_daemon(f"login attempt to {url} failed with status: {answer.status} {answer.reason}")
    if kept.put(host, user, password):
        err(
            f"\nWARNING! Your credentials are stored unencrypted in '{kept.path}'.\n"
            "Configure a credential helper to remove "
            "this warning. See\nhttps://docs.docker.com/go/credential-store/\n"
        )
    out("Login Succeeded")


def logout(call: Call) -> None:
    """Forget the password for a registry."""
    from ecrlab.standin.logins import server_key

    host = server_key(call.arguments[0] if call.arguments else "")
    out(f"Removing login credentials for {host}")
    logins(call.config).remove(host)


COMMANDS = {
    "login": Command(
        "[OPTIONS] [SERVER]",
        0,
        1,
        (Flag("username", "u", True), Flag("password", "p", True), Flag("password-stdin")),
        login,
    ),
    "logout": Command("[SERVER]", 0, 1, (), logout),
}
