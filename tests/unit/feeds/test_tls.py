"""TLS is always verified: the authority and the name, with the authorities of a mounted file."""

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from unit.feeds.servers import RawServer, Request, TurnableClock, first_reading, http, metric, until
from unit.feeds.specs import http_source, price, prometheus_source
from wattswitch.feeds import FeedReader, Problem

Serve = Callable[..., Awaitable[RawServer]]
Read = Callable[..., FeedReader]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make certificates")


@dataclass(frozen=True)
class Certificate:
    path: Path
    server: ssl.SSLContext


@pytest.fixture(scope="session")
def certify(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Certificate]:
    """Give a callable that makes a self-signed certificate for a subject alternative name."""

    def make(name: str) -> Certificate:
        folder = tmp_path_factory.mktemp("tls")
        files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
        kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
        names = ["-subj", "/CN=feed", "-addext", f"subjectAltName={name}"]
        subprocess.run(["openssl", "req", *kind, *names, *files], check=True, capture_output=True)
        server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        return Certificate(folder / "cert.pem", server)

    return make


def reply(request: Request) -> bytes:
    return metric(({}, "41.19"))(request) if "/api/v1/query" in request.target else http('{"price": 41.19}')


@pytest.fixture(params=[http_source, prometheus_source])
def source(request: pytest.FixtureRequest) -> Callable[..., dict[str, Any]]:
    """Both families that use TLS."""
    family: Callable[..., dict[str, Any]] = request.param
    return family


def secure(server: RawServer) -> str:
    return f"https://127.0.0.1:{server.port}"


async def test_an_unknown_authority_is_not_trusted(
    serve: Serve, read: Read, clock: TurnableClock, certify: Callable[[str], Certificate], source: Any
) -> None:
    server = await serve(reply, certify("IP:127.0.0.1").server)
    reading = await first_reading(read(price(source(secure(server))), clock), clock)
    assert (reading.problem, reading.value) == (Problem.TLS_FAILED, None)
    assert server.requests == []


async def test_the_authority_of_the_mounted_file_is_trusted_and_may_be_exchanged(
    serve: Serve, read: Read, clock: TurnableClock, certify: Callable[[str], Certificate], source: Any, tmp_path: Path
) -> None:
    right, wrong, mounted = certify("IP:127.0.0.1"), certify("IP:127.0.0.1"), tmp_path / "ca.pem"
    mounted.write_bytes(wrong.path.read_bytes())
    server = await serve(reply, right.server)
    reader = read(price(source(secure(server), caFile=str(mounted))), clock)
    assert (await first_reading(reader, clock)).problem == Problem.TLS_FAILED
    mounted.write_bytes(right.path.read_bytes())
    await until(lambda: reader.signal_reading(clock()).value == 41.19)


async def test_a_certificate_for_another_name_is_not_trusted(
    serve: Serve, read: Read, clock: TurnableClock, certify: Callable[[str], Certificate], source: Any
) -> None:
    other = certify("DNS:other.example")
    server = await serve(reply, other.server)
    reader = read(price(source(secure(server), caFile=str(other.path))), clock)
    assert (await first_reading(reader, clock)).problem == Problem.TLS_FAILED
    assert server.requests == []


async def test_a_file_without_certificates_is_named(
    serve: Serve, read: Read, clock: TurnableClock, source: Any, tmp_path: Path
) -> None:
    mounted = tmp_path / "ca.pem"
    mounted.write_text("41.19")
    reader = read(price(source("https://127.0.0.1:1", caFile=str(mounted))), clock)
    reading = await first_reading(reader, clock)
    assert (reading.problem, "caFile" in reading.message) == (Problem.FILE_UNREADABLE, True)


async def test_a_server_that_speaks_no_tls_is_a_tls_failure(read: Read, clock: TurnableClock, source: Any) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(http('{"price": 41.19}'))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        assert (await first_reading(read(price(source(url)), clock), clock)).problem == Problem.TLS_FAILED
