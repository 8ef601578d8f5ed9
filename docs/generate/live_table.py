"""Draws the pictures of README: the live table of the demo after 30 s, and the report of the retrofit example.

Run: make picture. `live-table` or `report` draws one of them; `report FOLDER` draws the page of an example that was run
in FOLDER before. The report needs Chromium.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from support import metered_retrofit, pictures

from agent.cli.demo_runner import embedded_broker, start_processes
from agent.config.loader import load_config, parse_broker
from agent.config.topology import assets
from agent.delivery.mqtt.follower import Follower
from agent.delivery.store.read_only import open_read_only
from agent.savings.report.html.page import Cover, page
from agent.savings.report.model.month import collect

DEMO_S = 30.0
SIZE = 952, 1425  # pixels: the part of the page that README shows
COLOURS = 64
EXAMPLE = (  # of README
    ("simulate", "pump-life", "--time-factor", "10000", "--state-dir", "life"),
    ("baseline", "learn", "pump", "--config", "life/plant.toml"),
    ("baseline", "freeze", "pump", "--by", "Li Wei", "--config", "life/plant.toml"),
    ("simulate", "pump-life", "--time-factor", "10000", "--state-dir", "life"),
)
REPORT = "report", "--month", "2026-10", "--config", "life/plant.toml", "--output", "report.html"


def live_table() -> None:
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        url = f"mqtt://127.0.0.1:{stack.enter_context(embedded_broker())}"
        start_processes(Path(folder), stack, url)
        follower = Follower(parse_broker(url), "magwatt/v1/demo/#")
        follower.start()
        time.sleep(DEMO_S)
        follower.stop()
        pictures.MESSAGES.write_text(pictures.recorded(follower), encoding="utf-8")
    pictures.LIVE_TABLE.write_text(
        pictures.live_table_svg(pictures.MESSAGES.read_text(encoding="utf-8")), encoding="utf-8"
    )


def report(folder: Path) -> None:
    """folder: with the results of EXAMPLE, or empty."""
    for words in (*(() if (folder / "life").exists() else EXAMPLE), REPORT):
        command = [sys.executable, "-c", "from agent.cli import main; main()", *words]
        done = subprocess.run(command, cwd=folder, check=False)
        if done.returncode > 1:  # 1: a finding
            sys.exit(done.returncode)
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if browser is None:
        sys.exit("the picture of the report needs Chromium: apt-get install chromium")
    picture = folder / "page.png"
    subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", f"--screenshot={picture}",
         f"--window-size={SIZE[0]},{SIZE[1]}", (folder / "report.html").as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    note = PngInfo()
    note.add_text(pictures.PAGE_KEY, synthetic_fingerprint())
    few = Image.open(picture).convert("RGB").quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE)  # keeps rare colours
    few.save(pictures.REPORT_PAGE, optimize=True, pnginfo=note)


def synthetic_fingerprint() -> str:
    """Of the page of a small retrofit, as tests/agent/savings/report/test_verdict.py makes it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        metered_retrofit.retrofit(folder, days=3)
        config = load_config(folder / "plant.toml")[0]
        begin_ms = metered_retrofit.utc_ms("2024-10-01 00:00")
        with contextlib.closing(open_read_only(folder / "state" / "magwatt.sqlite")) as db:
            month = collect(db, config, assets(config)[0], "2024-10", begin_ms + 3 * 86_400_000)
    html = page([month], Cover("mill-2", "gw-07", metered_retrofit.ZONE, 0, "0", "c0ffee", "magwatt ledger verify"))
    return pictures.page_fingerprint(html, (files("agent.savings.report") / "report.css").read_text(encoding="utf-8"))


if __name__ == "__main__":
    wanted, *where = sys.argv[1:] or ["all"]
    if wanted in ("all", "live-table"):
        live_table()
    if wanted in ("all", "report"):
        with tempfile.TemporaryDirectory(prefix="magwatt-picture-") as temporary:
            report(Path(where[0] if where else temporary).resolve())
