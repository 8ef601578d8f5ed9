"""The pictures of README: the live table from recorded messages, and what the picture of the report shows."""

from __future__ import annotations

import hashlib
import io
import json
import re
import time
from html import unescape
from pathlib import Path

from rich.console import Console

from agent.cli.watch_runner import print_lines
from agent.cli.watch_view import table
from agent.config.model import Mqtt
from agent.core.text import use
from agent.delivery.mqtt.follower import FollowedMessage, Follower

DOCS = Path(__file__).parents[2] / "docs"
LIVE_TABLE, REPORT_PAGE = DOCS / "pictures" / "live-table.svg", DOCS / "pictures" / "report-page.png"
MESSAGES = DOCS / "generate" / "live-table.json"
COLUMNS = 124
PAGE_KEY = "magwatt-page"  # of the PNG: fingerprint of the page that it shows


def recorded(follower: Follower) -> str:
    """The messages that a live table shows, as JSON; without events, whose lines have local times."""
    assets = {}
    for topic, followed in sorted(follower.seen.items()):
        assets[topic] = {kind: followed.messages[kind] for kind in ("telemetry", "state") if kind in followed.messages}
        assets[topic]["meta"] = {"name": followed.messages["meta"]["name"]}
        thd = {name: value for name, value in followed.messages.get("pq3s", {}).get("v", {}).items() if "thd_i" in name}
        assets[topic]["pq3s"] = {"v": thd}
    return json.dumps({"gateways": follower.gateways, "assets": assets}, ensure_ascii=False, indent=1) + "\n"


def live_table_svg(messages: str) -> str:
    """The live table of recorded messages, received now, as in a terminal."""
    found = json.loads(messages)
    follower = Follower(Mqtt("127.0.0.1", 1883, False), "#")
    follower.gateways = found["gateways"]
    for topic, kinds in found["assets"].items():
        gateway, _, asset = topic.rpartition("/")
        follower.seen[topic] = FollowedMessage(gateway, asset, kinds, dict.fromkeys(kinds, time.monotonic()))
    use("en")
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    print_lines(console, table(follower, COLUMNS))
    use(None)
    drawn = console.export_svg(title="magwatt watch", unique_id="live-table")
    return re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL) + "\n"  # nothing is loaded from elsewhere


def svg_texts(svg: str) -> list[str]:
    """The texts of a picture in their order."""
    return [unescape(text).replace("\u00a0", " ").strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def page_fingerprint(html: str, style: str) -> str:
    """Hash of what the picture of a report shows: its first part in English, without numbers, and the style sheet."""
    shown = html.partition('<article class="en"')[2].partition("</article>")[0].partition("<h2>Money</h2>")[0]
    drawn = re.sub(r"<svg.*?</svg>", lambda svg: " ".join(_words(svg[0])), shown, flags=re.DOTALL)
    without = re.sub(r"[\d\s\u202f.,≈=−-]+", " ", re.sub(r"\b[0-9a-f]{12,}", " ", drawn))  # keys and hashes, numbers
    return hashlib.sha256(without.encode() + style.encode()).hexdigest()


def _words(svg: str) -> list[str]:
    """The words of a chart, without its numbers and ticks."""
    return sorted({text for text in svg_texts(svg) if re.search("[A-Za-z]{2}", text)})
