"""The server process: uvicorn on one port of this machine, tuned for many small requests."""

from __future__ import annotations

import errno
import gc
import ipaddress
import math
import signal
import socket
import sys

import uvicorn

from onefold.errors import UnavailableError, UsageError
from onefold.serving.app import Application
from onefold.serving.protocol import guarded

SWITCH_SECONDS = 0.0005
"""How long a thread computes before another gets its turn. A precaution: at 500 look-ups and 2,000 events a second,
`bench lookup` measures the same with Python's 5 ms."""
DRAIN_SECONDS = 20


def configure(application: Application, *, host: str, port: int, allow_public: bool = False) -> uvicorn.Server:
    """Make the server; its `run` serves until SIGTERM or SIGINT, then drains.

    Raises:
        UsageError: `host` can be reached from other machines and `allow_public` is not set.
    """
    if not allow_public and not is_loopback(host):
        raise UsageError(
            f"{host} can be reached from other machines, and this server speaks plain HTTP. Put a TLS proxy before it, "
            "or say that you mean it with --allow-public."
        )
    if not is_loopback(host):
        application.health.metrics_open = False
    guard = application.guard
    server = uvicorn.Server(
        uvicorn.Config(
            application,
            host=host,
            port=port,
            loop="uvloop" if sys.platform != "win32" else "asyncio",
            http=guarded(guard),
            ws="none",
            lifespan="on",
            access_log=False,
            log_config=None,
            server_header=False,
            proxy_headers=False,
            backlog=guard.backlog,
            timeout_keep_alive=math.ceil(guard.bounds.idle_seconds),
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
    )
    # Streams end when the server is told to, not when it has waited for them.
    application.api.state.stopping = lambda: server.should_exit
    return server


def run(application: Application, *, host: str = "127.0.0.1", port: int = 8484, allow_public: bool = False) -> None:
    """Serve until told to stop by SIGTERM or SIGINT; answer what was begun, put what was taken on the disk, then return.

    Raises:
        OnefoldError: Processing could not begin.
        UsageError: `host` can be reached from other machines and `allow_public` is not set, or is not an address.
        UnavailableError: The port is taken, or may not be used.
    """
    server = configure(application, host=host, port=port, allow_public=allow_public)
    listening = listen(host, port)

    def stop(*_: object) -> None:
        server.should_exit = True

    # Once it has drained, uvicorn raises the signal anew for whoever handled it before. Python's own handlers would end
    # the process there and then, with files still open; ours lets it return and exit 0.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    sys.setswitchinterval(SWITCH_SECONDS)
    # What is there now stays for good: the collector need not walk through it again in the middle of a request.
    gc.collect()
    gc.freeze()
    try:
        server.run(sockets=[listening])
    except SystemExit:
        # Why it could not start is said once, by whoever called, with the exit code that fits.
        if application.failed is None:
            raise
    if application.failed is not None:
        raise application.failed


def listen(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Port 0 takes any that is free.

    Raises:
        UsageError: This machine has no such address.
        UnavailableError: The port is in use, or may not be listened on.
    """
    try:
        family, kind, number, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise UsageError(f"{host} is not an address of this machine.") from None
    listening = socket.socket(family, kind, number)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            raise UnavailableError(
                f"Port {port} is in use: another server is running, perhaps of this project. Stop it, or choose another "
                "port with --port or in onefold.yaml."
            ) from None
        raise UnavailableError(f"Cannot listen on {host}, port {port}: {error.strerror}.") from None
    return listening


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
