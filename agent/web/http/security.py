"""What every request passes: host name, method, size and origin; and the headers that every response has."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Collection

from msgspec import Struct
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent.web.base.context import catalogue_of
from agent.web.base.reasons import HOST_UNKNOWN
from agent.web.http.problem import problem
from agent.web.http.request_body import BODY_BYTES_MAX

HEADERS_BYTES_MAX = 8192
ADDRESS_BYTES_MAX = 4096  # of the path and the query
HTTP_HOST_UNKNOWN = 400  # no other rejection of the guard has this status
log = logging.getLogger("magwatt.web")


class Access(Struct, frozen=True):
    """Who may ask what.

    hosts: names and addresses by which the page is reached, without port. tls: the page is encrypted.
    any_address: an address instead of a name is accepted, too: only names can be made to point here by others.
    posts: paths that accept POST; all others only GET and HEAD.
    """

    hosts: frozenset[str]
    tls: bool = False
    any_address: bool = False
    posts: frozenset[str] = frozenset(("/login", "/logout", "/api/v1/alarms/actions"))


LOOPBACK_NAMES = frozenset(("localhost", "127.0.0.1", "[::1]"))
LOOPBACK = Access(LOOPBACK_NAMES)


def content_policy(script_hash: str) -> str:
    return (
        f"default-src 'none'; script-src 'self' {script_hash}; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )


class Guard:
    """ASGI middleware: rejects what the page never needs, adds the security headers, writes the access log."""

    def __init__(self, app: ASGIApp, access: Access, policy: str) -> None:
        self._app, self._access = app, access
        self._headers = {
            "content-security-policy": policy, "x-content-type-options": "nosniff",
            "referrer-policy": "same-origin",  # with no-referrer, browsers send the Origin of the login as null
            "cross-origin-opener-policy": "same-origin", "cross-origin-resource-policy": "same-origin",
            "x-frame-options": "DENY",
        }  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started_s, answered = time.monotonic(), False

        async def send_with_headers(message: Message) -> None:
            nonlocal answered
            if message["type"] == "http.response.start":
                answered = True
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in self._headers.items():
                    headers.setdefault(name, value)  # the report, a page of its own, has its own policy
                _log_access(scope, message["status"], time.monotonic() - started_s)
            await send(message)

        request = Request(scope, receive)
        status = 414 if len(scope["raw_path"]) + len(scope["query_string"]) > ADDRESS_BYTES_MAX else None
        if status := status or rejection(
            self._access, scope["method"], scope["path"], request.headers, scope["headers"]
        ):
            detail = catalogue_of(request).reason(HOST_UNKNOWN()) if status == HTTP_HOST_UNKNOWN else ""
            await problem(request, status, detail)(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, receive, send_with_headers)
        except Exception:
            log.exception("%s %s: internal error", scope["method"], ascii(scope["path"]))
            if answered:
                raise
            await problem(request, 500)(scope, receive, send_with_headers)


def rejection(
    access: Access, method: str, path: str, headers: Headers, raw: Collection[tuple[bytes, bytes]]
) -> int | None:
    """The status with which a request is rejected; None: it is not."""
    if sum(len(name) + len(value) + 4 for name, value in raw) > HEADERS_BYTES_MAX:
        return 431
    name = host_name(headers.get("host", ""))
    if name not in access.hosts and not (access.any_address and address_of(name)):
        return HTTP_HOST_UNKNOWN
    if method not in ("GET", "HEAD") and not (method == "POST" and path in access.posts):
        return 405
    length = headers.get("content-length", "0")
    if not length.isascii() or not length.isdigit() or int(length) > BODY_BYTES_MAX:
        return 413
    return 403 if method == "POST" and not _same_origin(access, headers) else None


def host_name(host: str) -> str:
    """The name in a Host header, without its port, in lower case."""
    if host.startswith("["):
        return host.partition("]")[0].lower() + "]"
    return host.partition(":")[0].rstrip(".").lower()


def _same_origin(access: Access, headers: Headers) -> bool:
    """A form of this page sends its own origin. Neither header: no browser of today."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is None and origin is None:
        return False
    own = f"{'https' if access.tls else 'http'}://{headers.get('host', '').lower()}"
    return site in (None, "same-origin") and origin in (None, own)


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """None: it is a name."""
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def network_of(host: str) -> str:
    """What one computer can have many addresses of: IPv6 addresses by their first 64 bits; "": this computer."""
    address = address_of(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address is None or address.is_loopback:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address) >> 64 << 64, 64)))
    return str(address)


def _log_access(scope: Scope, status: int, took_s: float) -> None:
    """Without query and cookies, which may contain what is secret; only with `--verbose`: any client can cause it."""
    client, path = scope.get("client") or ("local", 0), ascii(scope["path"][:200])
    log.debug("%s %s %s %d %.0f ms", client[0], scope["method"], path, status, 1000 * took_s)
