"""The Chinese page: no English words, Chinese punctuation between Chinese words, standard terms."""

from __future__ import annotations

import re
from html import unescape

import pytest
from click.testing import CliRunner
from support import metered_retrofit
from support.basics import HandClock
from support.savings import save_event

from agent.cli import main
from agent.config import emission_factors
from agent.core.text import Catalogue
from agent.delivery.store import Store
from agent.savings import reasons
from agent.savings.records.model import QUARTER_MS, NonRoutineEvent
from agent.savings.records.non_routine_events import CAUSES, PROPOSALS
from agent.savings.records.repository import event_json
from agent.savings.report import reasons as report_reasons
from drivers.reasons import CODES, Code, Reason, signal_name

BEGIN_MS = metered_retrofit.utc_ms("2024-10-01 00:00")
END_MS = metered_retrofit.utc_ms("2024-10-13 02:00")
NAMES = """
    English magwatt mill JJG fan flow gw Asia Shanghai mcc eastron drive input Wang Fang Wei losses motor json
    state COPY key config ct_class SHA RMSE NMBE VIF kWh kgce tce min
    UTC ASHRAE GUM JSON Guideline
"""  # names of the plant, files and options, units and symbols
CHINESE = Catalogue("zh_CN")

pytestmark = pytest.mark.text


@pytest.fixture(scope="module")
def article(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Text of a page with non-routine events of each kind, one of them decided, and with excluded intervals."""
    plant = tmp_path_factory.mktemp("plant")
    metered_retrofit.retrofit(plant, days=12)
    store = Store(plant / "state", HandClock())
    for number, (kind, cause) in enumerate(CAUSES.items()):
        begin_ms = BEGIN_MS + number * 96 * QUARTER_MS
        save_event(
            store, NonRoutineEvent(0, "fan", kind, begin_ms, begin_ms + 8 * QUARTER_MS, cause, 5e4, PROPOSALS[kind])
        )
    decided = NonRoutineEvent(
        0,
        "fan",
        "maintenance",
        BEGIN_MS + 10 * 96 * QUARTER_MS,
        None,
        reasons.MAINTENANCE(),
        1e5,
        "exclude",
        "adjust",
        2.5e5,
        "Wang Fang",
        "检修",
        BEGIN_MS,
    )
    metered_retrofit.appended(store, END_MS, [("decision", {"event": event_json(save_event(store, decided))})])
    store.close()
    command = ["report", "--month", "2024-10", "--config", str(plant / "plant.toml"), "--output", str(plant / "r.html")]
    CliRunner().invoke(main, [*command, "--lang", "zh"])
    html = (plant / "r.html").read_text(encoding="utf-8").partition('<article class="zh"')[2]
    html = re.sub(r"<code>.*?</code>", " ", html)  # commands, keys and hashes
    return unescape(re.sub(r"<[^>]+>", "\n", re.sub(r"</?(?:span|i|b|small)\b[^>]*>", "", html.partition(">")[2])))


def test_no_english_is_left(article: str) -> None:
    """Except for the names of the plant, units and options."""
    words = {word for word in re.findall(r"\b[A-Za-z_]{3,}\b", article)}
    assert words - set(NAMES.split()) == set()


def test_punctuation_between_chinese_words_is_chinese(article: str) -> None:
    """No `; ` before or after a Chinese character, no ASCII bracket around one."""
    found = re.findall(r".{0,12}(?:[一-鿿）][,;:] |[,;:] [一-鿿]|\([^)\n]*[一-鿿]|[一-鿿] ?\().{0,12}", article)
    assert found == []


def test_money_is_yuan_and_the_grid_has_its_chinese_name(article: str) -> None:
    assert re.search(r"[\d\u202f]+ ± [\d\u202f]+ 元", article)
    assert "CN-NM 内蒙古 2022" in article
    assert "生态环境部、国家统计局公告 2024 年第 33 号" in article


def test_the_chinese_terms_are_those_of_the_standards(article: str) -> None:
    for term in (
        "节电量",
        "节电率",
        "标准煤（当量值）",
        "标准煤（等价值）",
        "以 95 % 的概率在",
        "基期",
        "报告期实测，元",
    ):
        assert term in article


def test_each_source_of_a_factor_is_there_in_chinese() -> None:
    assert len(emission_factors.SOURCES) >= 6
    for text in (*emission_factors.SOURCES.values(), *emission_factors.WORDS):
        assert CHINESE(text) != text


def example(code: Code) -> Reason:
    """A reason with data for each field of the code."""
    known: dict[str, object] = {"signal": "signal_shift", "word": "load_shift", "quoted": "x", "": "x"}
    return code(**{name: known.get(spec, 1) for name, spec in code.fields.items()})


SAVINGS_CODES = sorted(
    value for module in (reasons, report_reasons) for value in vars(module).values() if isinstance(value, Code)
)


@pytest.mark.parametrize("code", SAVINGS_CODES)
def test_each_reason_of_the_savings_has_a_chinese_text(code: str) -> None:
    reason = example(CODES[code])
    text = CHINESE.reason(reason)
    left = re.sub(
        r"magwatt[a-z ]*|--[a-z]+|`[^`]*`|[a-z_]+\.[a-z_.]+|\[tariff\]|kg/kWh|kVA|kWh|r/min|[0-9]+ min", "", text
    )
    words = set(re.findall(r"\b[A-Za-z_]{3,}\b", left)) - {"shift", "RMSE", "NMBE", "VIF", "U95"}
    assert words - NOT_TRANSLATED.get(code, set()) == set()


NOT_TRANSLATED = {
    "unknown_decision": {"exclude", "keep", "adjust"},
    "adjustment_energy": {"adjust"},
    "key_self_declared": {"JSON"},
    "output_is_data_file": {"html"},
    "too_few_outside_gaps": set(),
}  # values and commands within texts


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (reasons.MODEL_WITH_LEVELS(model=reasons.MODEL_POLYNOMIAL(degree=1, driver="signal_flow_m3_h"),
                                   state="signal_shift"),
         "flow m³/h 的 1 次多项式；shift 的各状态有各自的常数项"),
        (reasons.ENERGY_EXCLUDED(energy_wh=5000, cause=reasons.DRIVER_MISSING(drivers=("signal_gap",))),
         "5.0 kWh 不计节电量：缺少自变量 gap"),
        (reasons.ENERGY_EXCLUDED(energy_wh=5000, cause=reasons.BELOW_RANGE(driver="signal_drive", low=1.0, high=2.0)),
         "5.0 kWh 不计节电量：drive 低于基准范围 1 至 2"),
        (reasons.ENERGY_EXCLUDED(energy_wh=3500,
                                 cause=reasons.COMBINATION_UNKNOWN(drivers=("signal_a_m3_h", "signal_b"))),
         "3.5 kWh 不计节电量：a m³/h、b 的组合未在基期出现"),
        (reasons.MORE_ENERGY_EXCLUDED(energy_wh=12_300, n=3), "另有 3 项原因，共 12.3 kWh 不计节电量"),
        (reasons.MORE_ENERGY_EXCLUDED(energy_wh=300, n=1), "另有 1 项原因，共 0.3 kWh 不计节电量"),
        (reasons.INTERVALS_WITHOUT_ENERGY(n=2), "2 个时段不计节电量：电量未知"),
        (reasons.EVENT_UNDECIDED(number=3, kind="load_shift", cause=reasons.LOAD_SHIFT_UP()),
         "非常规事件 3（负荷偏移）待认定：约一天以来，用电量高于同负荷的先前水平"),
    ],
)  # fmt: skip
def test_the_name_of_a_signal_is_not_translated(reason: Reason, text: str) -> None:
    """A signal "shift" is not the event load_shift, a signal "drive" not the part of the saving."""
    assert CHINESE.reason(reason) == text


def test_a_signal_has_its_unit() -> None:
    assert signal_name("signal_descaler_1_flow_m3_h") == "descaler 1 flow m³/h"
