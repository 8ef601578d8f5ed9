"""The machine around the agent: clock, disk, broker, kernels."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import ssl
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from agent.clock import believed, kernel_synchronised
from agent.config import Config
from agent.doctor.finding import Finding, finding, fine, note
from agent.store import default_directory
from agent.store.file import NAME

FREE_MIN_MB = 500
CERTIFICATE_DAYS = 30


def clock(config: Config) -> Iterator[Finding]:
    """Whether the kernel says that its clock follows a reference; if not, whether the agent will believe it."""
    if time.time() < 1.7e9:
        yield finding("clock", f"it is {time.strftime('%Y-%m-%d', time.gmtime())}? Set the time, or let chrony do it")
        return
    synchronised = kernel_synchronised()
    trusted = config.site.assume_clock_synchronized or config.site.simulated
    doubt = None if synchronised else believed(_reached_ns(config), trusted).doubt(time.time_ns())
    if doubt is not None:
        yield finding("clock", f"not believed while nothing vouches for it: {doubt}")
    elif synchronised is None:
        yield note("clock", "this system does not tell whether its clock is synchronised")
    elif synchronised:
        yield fine("clock", "synchronised")
    else:
        yield finding(
            "clock",
            "not synchronised: rows carry CLOCK_UNSYNCHRONIZED. Install chrony or systemd-timesyncd, or name the "
            "plant's time server there",
        )


def _reached_ns(config: Config) -> int:
    """UTC that the last run of the agent reached; 0 when nothing tells."""
    from agent.savings.verify import open_copy
    from agent.timekeeping import KIND, REACHED

    path = (config.state_dir or default_directory()) / NAME
    with contextlib.suppress(OSError, sqlite3.Error, ValueError, KeyError, TypeError):
        if path.is_file():
            with contextlib.closing(open_copy(path)) as db:
                row = db.execute("select body from note where kind = ? and name = ?", (KIND, REACHED)).fetchone()
            return int(json.loads(row[0])["utc_ms"]) * 1_000_000 if row else 0
    return 0


def disk(config: Config) -> Iterator[Finding]:
    """Whether the state can be written, and for how long."""
    directory = config.state_dir or default_directory()
    where = "store.state_dir"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=directory):
            pass
        free_mb = shutil.disk_usage(directory).free / 1e6
    except OSError as error:
        yield finding(
            where, f"{directory} cannot be written ({error.strerror or error}): nothing would survive a restart"
        )
        return
    if free_mb < FREE_MIN_MB:
        yield finding(where, f"{free_mb:.0f} MB free at {directory}: less than {FREE_MIN_MB} MB; make room")
    else:
        yield fine(where, f"{directory}: {free_mb / 1e3:.1f} GB free")
    if _on_sd_card(directory) and config.store.commit_interval_s < 1:
        yield note(where, 'on an SD card: commit_interval = "1s" in [store] spares it')


def broker(config: Config) -> Iterator[Finding]:
    """One connection, as the agent would make it, under another client id."""
    settings = config.mqtt
    where = "mqtt.url"
    if settings is None:
        yield note("mqtt", "no [mqtt] table: results go nowhere")
        return
    from agent.subscribe import Follower

    follower = Follower(settings, f"{config.site.root}/status")
    started_s = time.monotonic()
    try:
        follower.start()
    except (OSError, ValueError) as error:
        yield finding(where, f"{settings.host}:{settings.port}: {error}. {_remedy(error)}")
        return
    took_ms = 1e3 * (time.monotonic() - started_s)
    follower.stop()
    yield fine(where, f"{settings.host}:{settings.port} takes our connection, {took_ms:.0f} ms")


def kernels() -> Iterator[Finding]:
    from agent.kernels import is_warm

    if is_warm():
        yield fine("kernels", "compiled and cached")
    else:
        yield note("kernels", "not compiled yet: `magwatt compile` takes a minute now instead of at the first start")


def _remedy(error: Exception) -> str:
    text = str(error).lower()
    if isinstance(error, ssl.SSLCertVerificationError):
        return "Is mqtt.ca the authority that signed its certificate, and the host name the one in it?"
    if "not authori" in text or "bad user" in text or "refused:" in text:
        return "Are mqtt.user and the password file right, and may this user connect?"
    if "connection refused" in text:
        return "The machine is there, but no broker listens at this port"
    if "name" in text and "known" in text:
        return "The host name is not known here: a typing error, or no name server"
    if "timed out" in text or "no route" in text:
        return "A firewall, a wrong address, or the network is down"
    return "Measuring goes on without it"


def _on_sd_card(directory: Path) -> bool:
    device = os.stat(directory).st_dev
    try:
        name = os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    except OSError:
        return False
    return "/mmcblk" in name
