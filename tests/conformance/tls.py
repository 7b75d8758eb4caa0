"""A TLS proxy as one stands before a server: it ends TLS, says so in the headers, and passes the rest on.

The certificate is made here; a browser must be told to accept it.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, signed by itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    stated, secret = folder / "cert.pem", folder / "key.pem"
    stated.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return stated, secret


@contextmanager
def tls_proxy(folder: Path, upstream: int, *, port: int = 0, tells: bool = True) -> Iterator[str]:
    """A proxy before a port of this machine; gives its address, `https://localhost:…`.

    Args:
        folder: For the certificate.
        upstream: The port behind it.
        port: Where it listens; any free port when left out.
        tells: Whether it sets the forwarded headers; one that does not is what the setting of a public address is for.
    """
    loop = asyncio.new_event_loop()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate(folder))
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        inner: asyncio.StreamWriter | None = None
        with suppress(OSError, asyncio.IncompleteReadError, ssl.SSLError):
            back, inner = await asyncio.open_connection("127.0.0.1", upstream)
            answers = asyncio.ensure_future(_copy(back, writer))
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                inner.write(_forwarded(head, writer) if tells else _hidden(head))
                inner.write(await reader.readexactly(_length(head)))
                await inner.drain()
                if answers.done():
                    break
        for end in (inner, writer):
            if end is not None:
                end.transport.abort()
        tasks.discard(task)

    server = asyncio.run_coroutine_threadsafe
    thread = threading.Thread(target=loop.run_forever, name="tls-proxy", daemon=True)
    thread.start()
    listening = server(asyncio.start_server(serve, "127.0.0.1", port, ssl=context), loop).result(10)
    try:
        yield f"https://localhost:{listening.sockets[0].getsockname()[1]}"
    finally:

        async def stop() -> None:
            listening.close()
            for task in list(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        server(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ssl.SSLError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
        writer.close()


def _forwarded(head: bytes, writer: asyncio.StreamWriter) -> bytes:
    """The request's head with what a proxy adds; the host is the inner one, as nginx passes it on by default."""
    host = next(line[5:].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"host:"))
    address = writer.get_extra_info("peername")[0].encode()
    added = b"X-Forwarded-Proto: https\r\nX-Forwarded-Host: %s\r\nX-Forwarded-For: %s\r\n" % (host, address)
    return _hidden(head)[:-2] + added + b"\r\n"


def _hidden(head: bytes) -> bytes:
    lines = [b"Host: inside" if line.lower().startswith(b"host:") else line for line in head.split(b"\r\n")]
    return b"\r\n".join(lines)


def _length(head: bytes) -> int:
    stated = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    return int(stated[0]) if stated else 0
