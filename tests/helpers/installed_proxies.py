"""The nginx and the Caddy of this machine, run with the files of deploy/ on loopback."""

import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from helpers.environment import environment_without
from helpers.ports import free_port
from helpers.programs import running_program

DEPLOY = Path(__file__).parents[2] / "deploy"

MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {}
http {
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}
"""
"""What Debian's nginx.conf has around the files of conf.d, with each path in a folder of the test."""


def find(name: str) -> str | None:
    """The command, also where the path of a user without rights leaves out /usr/sbin."""
    return shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")


@dataclass(frozen=True)
class Proxy:
    """A proxy that listens: its URL under the path, the certificate that it is trusted by, its folder."""

    url: str
    certificate: Path
    folder: Path

    @property
    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.certificate)


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The text with other values in places that it has."""
    for old, new in values.items():
        assert old in text, old
        text = text.replace(old, new)
    return text


@contextmanager
def nginx(folder: Path, upstreams: Sequence[str], *, inside: bool = True) -> Iterator[Proxy]:
    """nginx with audience-mock.conf in front of servers at these URLs: several are shards. Unless the control
    API stays `inside`, the location that keeps it there is removed."""
    command = find("nginx")
    assert command, "nginx is not installed"
    port, plain_port = free_port(), free_port()
    certificate, key = folder / "sandbox.crt", folder / "sandbox.key"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ),
            *("-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    (folder / "conf.d").mkdir()
    site = with_values(
        (DEPLOY / "nginx/audience-mock.conf").read_text(),
        {
            "listen 80;": f"listen 127.0.0.1:{plain_port};",
            "listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
            "sandbox.example.com;": "localhost;",
            "/etc/nginx/tls/": "",  # relative to nginx.conf, whatever characters the folder's name has
        },
    )
    if not inside:
        site, removed = re.subn(r"    location ~ [^}]*}\n", "", site)
        assert removed == 1
    (folder / "conf.d/audience-mock.conf").write_text(site)
    places = ["127.0.0.1:8000"] if len(upstreams) == 1 else ["127.0.0.1:8001", "127.0.0.1:8002"]
    file = "upstream.conf" if len(upstreams) == 1 else "shards.conf"
    hosts = [urlsplit(url).netloc for url in upstreams]
    values = dict(zip(places, hosts, strict=True))
    (folder / f"conf.d/{file}").write_text(with_values((DEPLOY / "nginx" / file).read_text(), values))
    (folder / "nginx.conf").write_text(MAIN)
    arguments = [command, "-p", str(folder), "-c", "nginx.conf", "-e", "error.log"]
    with running_program(arguments, folder=folder, log=folder / "said", is_ready=lambda: _shakes_hands(port)):
        yield Proxy(f"https://localhost:{port}/mock", certificate, folder)


@contextmanager
def caddy(folder: Path, upstreams: Sequence[str]) -> Iterator[Proxy]:
    """Caddy with the Caddyfile in front of the server at the one URL."""
    command = find("caddy")
    assert command, "caddy is not installed"
    (upstream,) = upstreams
    port = free_port()
    # Caddy cleans its folders while it starts, and would remove an empty one that it is about to write to; it
    # tries again after a minute.
    kept = folder / "data/caddy/certificates/local/localhost/kept"
    kept.parent.mkdir(parents=True)
    kept.touch()
    environment = environment_without(
        SITE=f"https://localhost:{port}",
        HTTP_PORT=str(free_port()),
        UPSTREAM=urlsplit(upstream).netloc,
        HOME=str(folder),
        XDG_DATA_HOME=str(folder / "data"),
        XDG_CONFIG_HOME=str(folder / "config"),
    )
    arguments = [command, "run", "--config", str(DEPLOY / "caddy/Caddyfile"), "--adapter", "caddyfile"]
    certificate = folder / "data/caddy/pki/authorities/local/root.crt"
    with running_program(
        arguments,
        folder=folder,
        log=folder / "said",
        is_ready=lambda: _shakes_hands(port) and certificate.exists(),
        environment=environment,
    ):
        yield Proxy(f"https://localhost:{port}/mock", certificate, folder)


def _shakes_hands(port: int) -> bool:
    """Whether TLS is spoken there: Caddy listens before it has a certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            with context.wrap_socket(connection, server_hostname="localhost"):
                return True
    except OSError:
        return False
