"""Examines the computer of the agent: clock, disk, connection to the broker, kernels."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from agent.commissioning.doctor import reasons as codes
from agent.commissioning.doctor.finding import DoctorFinding, finding, fine, note
from agent.config.model import Config
from agent.core.clock import kernel_synchronized
from agent.core.kernel_cache import is_complete
from agent.core.linear_algebra import blas_name, linear_algebra_problem
from agent.core.text import N_
from agent.delivery.site_clock import start_clock
from agent.delivery.store import default_directory
from agent.delivery.store.database_file import private_directory
from agent.delivery.store.lock import holder_of
from agent.savings.ledger.reasons import HMAC_LEDGER
from agent.savings.ledger.signing_key import HMAC, key_kind
from drivers.reasons import cause_of

# Parts of the computer, which no configuration key names
PARTS = CLOCK, KERNELS, LINEAR_ALGEBRA = N_("clock"), N_("kernels"), N_("linear algebra")


def clock(config: Config) -> Iterator[DoctorFinding]:
    """Whether the kernel clock follows a reference, and whether the agent uses its time."""
    cause, synchronised = start_clock(config)[1].implausibility, kernel_synchronized()
    if cause is not None:
        yield finding(CLOCK, codes.CLOCK_NOT_USED(cause=cause))
    elif synchronised is None:
        yield note(CLOCK, codes.CLOCK_STATE_UNKNOWN())
    else:
        yield fine(CLOCK, codes.CLOCK_SYNCHRONIZED()) if synchronised else finding(CLOCK, codes.CLOCK_UNSYNCHRONIZED())


def disk(config: Config) -> Iterator[DoctorFinding]:
    """Whether the state directory is writable, and its free space."""
    directory = config.state_dir or default_directory()
    where = "store.state_dir"
    try:
        private_directory(directory)
        with tempfile.NamedTemporaryFile(dir=directory):
            pass
        free_mb = shutil.disk_usage(directory).free / 1e6
    except OSError as error:
        yield finding(where, codes.STATE_DIR_UNWRITABLE(path=str(directory), error=cause_of(error)))
        return
    if free_mb < codes.FREE_MIN_MB:
        yield finding(where, codes.DISK_ALMOST_FULL(free_mb=free_mb, path=str(directory), minimum_mb=codes.FREE_MIN_MB))
    else:
        yield fine(where, codes.DISK_SPACE(path=str(directory), free_gb=free_mb / 1e3))
    if _on_sd_card(directory) and config.store.commit_interval_s < 1:
        yield note(where, codes.COMMITS_ON_SD_CARD())


def other_process(config: Config) -> Iterator[DoctorFinding]:
    """Whether an agent runs, which holds serial ports that are examined afterwards."""
    if (holder := holder_of(config.state_dir or default_directory())) is not None:
        yield note("store.state_dir", holder.note)


def ledger(config: Config) -> Iterator[DoctorFinding]:
    """Whether the key of an existing ledger has a public half."""
    if key_kind(config.state_dir or default_directory()) == HMAC:
        yield finding("store.state_dir", HMAC_LEDGER())


def broker(config: Config) -> Iterator[DoctorFinding]:
    """Tests one connection with the settings of the agent, under another client identifier."""
    settings = config.mqtt
    where = "mqtt.url"
    if settings is None:
        yield note("mqtt", codes.NO_BROKER_CONFIGURED())
        return
    from agent.delivery.mqtt.follower import BrokerError, Follower

    follower = Follower(settings, f"{config.site.root}/status")
    started_s = time.monotonic()
    try:
        follower.start()
    except BrokerError as error:
        yield finding(where, error.reason)
        return
    took_ms = 1e3 * (time.monotonic() - started_s)
    follower.stop()
    yield fine(where, codes.BROKER_ACCEPTS(host=settings.host, port=settings.port, took_ms=took_ms))


def kernels() -> Iterator[DoctorFinding]:
    yield fine(KERNELS, codes.KERNELS_COMPILED()) if is_complete() else note(KERNELS, codes.KERNELS_NOT_COMPILED())


def linear_algebra() -> Iterator[DoctorFinding]:
    """Whether numpy computes products, QR and inverse right on this computer."""
    if (problem := linear_algebra_problem()) is not None:
        yield finding(LINEAR_ALGEBRA, problem)
    else:
        yield fine(LINEAR_ALGEBRA, codes.LINEAR_ALGEBRA_RIGHT(blas=blas_name()))


def _on_sd_card(directory: Path) -> bool:
    device = os.stat(directory).st_dev
    try:
        name = os.path.realpath(f"/sys/dev/block/{os.major(device)}:{os.minor(device)}")
    except OSError:
        return False
    return "/mmcblk" in name
