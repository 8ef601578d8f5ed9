"""The Chinese page as a plant's finance office meets it: no English left, Chinese marks between Chinese words."""

from __future__ import annotations

import re
from html import unescape

import pytest
import reportkit
from click.testing import CliRunner
from testkit import HandClock

from agent.cli import main
from agent.savings import carbon
from agent.savings.events import PROPOSALS, TEXTS
from agent.savings.keep import save_event
from agent.savings.report.texts import Words
from agent.savings.types import QUARTER_MS, Event
from agent.store import Store

BEGIN_MS = reportkit.utc_ms("2024-10-01 00:00")
NAMES = """
    English magwatt mill JJG fan flow gw Asia Shanghai mcc eastron drive input Wang Fang Wei losses motor json
    verify config plant toml roots state COPY key ledger_key ct_class SHA RMSE NMBE VIF kWh kgce tce min rpm
    UTC ASHRAE GUM JSON
"""  # of the plant, of files and options, units and signs


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Text of a page with events of each kind, one of them decided, and with quarter hours that are not claimed."""
    plant = tmp_path_factory.mktemp("plant")
    reportkit.retrofit(plant, days=12)
    store = Store(plant / "state", HandClock())
    for number, (kind, text) in enumerate(TEXTS.items()):
        begin_ms = BEGIN_MS + number * 96 * QUARTER_MS
        save_event(store, Event(0, "fan", kind, begin_ms, begin_ms + 8 * QUARTER_MS, text, 5e4, PROPOSALS[kind]))
    save_event(store, Event(0, "fan", "maintenance", BEGIN_MS + 10 * 96 * QUARTER_MS, None, TEXTS["maintenance"], 1e5,
                            "exclude", "adjust", 2.5e5, "Wang Fang", "检修", BEGIN_MS))  # fmt: skip
    store.close()
    command = ["report", "--month", "2024-10", "--config", str(plant / "plant.toml"), "--output", str(plant / "r.html")]
    CliRunner().invoke(main, [*command, "--lang", "zh"])
    html = (plant / "r.html").read_text(encoding="utf-8").partition('<article class="zh"')[2]
    html = re.sub(r"<code>.*?</code>", " ", html)  # commands, keys and hashes
    return unescape(re.sub(r"<[^>]+>", "\n", html.partition(">")[2]))


def test_no_english_is_left(article: str) -> None:
    words = {word for word in re.findall(r"\b[A-Za-z_]{3,}\b", article)}
    assert words - set(NAMES.split()) == set()


def test_marks_between_chinese_words_are_chinese(article: str) -> None:
    """No `; ` behind or before a Chinese sign, no bracket of ASCII around one."""
    found = re.findall(r".{0,12}(?:[一-鿿）][,;:] |[,;:] [一-鿿]|\([^)\n]*[一-鿿]|[一-鿿] ?\().{0,12}", article)
    assert found == []


def test_money_is_yuan_and_the_grid_has_its_chinese_name(article: str) -> None:
    assert re.search(r"[\d\u202f]+ ± [\d\u202f]+ 元", article)
    assert "CN-NM 内蒙古 2022" in article
    assert "生态环境部、国家统计局公告 2024 年第 33 号" in article


def test_the_terms_are_those_of_the_trade(article: str) -> None:
    for said in ("节电量", "节电率", "标准煤（当量值）", "标准煤（等价值）", "95 % 置信区间：", "基准期", "报告期，元"):
        assert said in article


def test_each_source_of_a_factor_is_there_in_chinese() -> None:
    words = Words("zh")
    assert len(carbon.sources()) >= 6
    for text in carbon.sources().values():
        assert words(text) != text


def test_drivers_seen_together_are_joined_in_chinese() -> None:
    text = "nothing claimed for 3.5 kWh: signal_a_m3_h and signal_b were beyond what was seen of them together"
    assert Words("zh").said(text) == "3.5 kWh 不计节电量：a m³/h 与 b 的组合超出基准范围"


WRONG = (
    "gone", "gone, and all up to 12", "numbers run backwards", "its text does not have its hash: it was edited",
    "not in the form in which records are written", "not readable",
    "its text is that of record 7: it was moved or renamed", "does not follow the record before it",
    "the ledger does not begin with the key that signs it", "not signed by key 4c0878de5cdd2991",
    "another key, 4c0878de5cdd2991: from here on somebody else writes, or the key file was lost",
    "begun with key 4c0878de5cdd2991, not with 07631102f3a76d96",
    "the intervals of fan in its hour, 2024-09-30 16:00 UTC, are not those it was made from",
    "says energy_wh 7 of fan, 2024-09-30 16:00 UTC, which is not what its intervals sum to: it was signed so",
    "the baseline of fan (4c0878de5cdd2991) stands in no record",
    "the baseline of fan in use is not the one that was frozen", "the frozen baseline of fan is no longer there",
    "the baseline of fan in use (4c0878de5cdd2991) is an older one", "the event fan/3 in the state file cannot be read",
    "the decision about event 3 of fan is not the recorded one",
    "the decision about event 3 of fan stands in no record",
    "event 3 of fan, which somebody decided, is no longer there",
    "the external checkpoint (2024-10-03) was signed by 4c0878de5cdd2991",
    "missing: the external checkpoint (2024-10-03) is number 9; the ledger was cut off or set back to an older copy",
    "or a later one, up to 9, was written anew: the external checkpoint (2024-10-03) has another hash",
    "the external checkpoint (2024-10-03) is invalid: its hash or signature does not match its content; "
    "use the original copy",
    "an HMAC signature is checked with the secret key file: give it with --key",
    "an Ed25519 signature needs the extra: pip install 'magwatt[crypto]'",
)  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_with_a_ledger_is_told_in_chinese(wrong: str) -> None:
    """The most important sentence of a forged report."""
    words = Words("zh")
    for text in (f"the ledger is not whole: first bad record 5 (record 5: {wrong})", f"the ledger: {wrong}",
                 f"the ledger's signatures were not checked: {wrong}"):  # fmt: skip
        said = re.sub(r"energy_wh|--key|magwatt\[crypto\]|pip install", "", words.said(text))
        left = set(re.findall(r"\b[A-Za-z_]{3,}\b", said)) - {"fan", "UTC", "HMAC"}
        assert left == set()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("polynomial 1 of signal_flow_m3_h by signal_shift", "flow m³/h 的 1 次多项式，按 shift 分水平"),
        ("nothing claimed for 5.0 kWh: driver missing: signal_gap", "5.0 kWh 不计节电量：缺自变量 gap"),
        ("nothing claimed for 5.0 kWh: signal_drive was beyond 1 to 2", "5.0 kWh 不计节电量：drive 超出 1 至 2"),
        ("and 12.3 kWh for 3 other reasons", "另有 3 项原因，共 12.3 kWh 不计节电量"),
        ("and 0.3 kWh for 1 other reason", "另有 1 项原因，共 0.3 kWh 不计节电量"),
        ("nothing claimed for 2 intervals: no energy is known", "2 个时段不计节电量：电量未知"),
        ("event 3 waits for a decision: load_shift, for hours more than the same load used before",
         "事件 3 待决定：工况偏移，连续数小时用电偏离同负荷先前水平（偏多）"),
    ],
)  # fmt: skip
def test_a_signals_name_is_no_word_of_ours(text: str, said: str) -> None:
    """Levels by the mill's shift were levels by 工况偏移, which is the kind of an event."""
    assert Words("zh").said(text) == said


@pytest.mark.parametrize(
    "why", ["no energy is known", "shaft energy not known", "a state that the baseline does not know: 3"]
)
def test_each_reason_to_claim_nothing_is_there_in_chinese(why: str) -> None:
    assert not re.search("[A-Za-z]{3,}", Words("zh").said(f"nothing claimed for 5.0 kWh: {why}").replace("kWh", ""))
