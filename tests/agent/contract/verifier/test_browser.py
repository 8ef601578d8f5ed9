"""The offline verifier in Chromium, opened from a file: verdicts in both languages, no request, speed on a phone."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from support.browser import DESKTOP, PHONE, accessibility_findings, broken_texts, chromium, focus_width_px, too_wide
from support.contract import CUSTOMER, OTHER
from support.contract_bundles import built, bundle_text
from support.contract_recipes import recipe

from agent.contract.verifier_page import verifier_html

pytestmark = pytest.mark.browser
QUARTERS_OF_MONTH = 2880  # of November
LIMIT_S = 10  # issue 23: one motor-month on a phone profile
SLOWER = 4  # processor of a phone in the middle of the market, by the profile of Chromium's Lighthouse
WITHOUT_ED25519 = """const known = SubtleCrypto.prototype.importKey;
SubtleCrypto.prototype.importKey = function (format, key, algorithm, ...rest) {
  if (algorithm === "Ed25519") return Promise.reject(new DOMException("unknown", "NotSupportedError"));
  return known.call(this, format, key, algorithm, ...rest);
};"""
WITHOUT_SUBTLE = 'Object.defineProperty(Crypto.prototype, "subtle", {value: undefined});'
DROP = """([name, text]) => {
  const data = new DataTransfer();
  data.items.add(new File([text], name));
  const event = new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true});
  document.querySelector(".drop").dispatchEvent(event);
}"""


class Opened:
    """The verifier in a tab. trouble: errors of scripts and policy. requests: addresses."""

    def __init__(self, browser: Browser, path: Path, profile: dict[str, Any], script: str = "") -> None:
        self.context = browser.new_context(**profile)
        self.page: Page = self.context.new_page()
        self.trouble, self.requests = list[str](), list[str]()
        self.page.on("console", lambda message: message.type == "error" and self.trouble.append(message.text))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        if script:
            self.page.add_init_script(script)
        self.page.goto(path.as_uri())

    def verify(self, *bundles: Path, timeout_s: float = 30) -> list[tuple[str | None, str | None]]:
        """Verdict and reason of each file."""
        self.page.set_input_files("#files", [str(path) for path in bundles])
        return self.results(len(bundles), timeout_s)

    def results(self, count: int, timeout_s: float = 30) -> list[tuple[str | None, str | None]]:
        self.page.locator("article").nth(count - 1).wait_for(timeout=timeout_s * 1000)
        found = self.page.locator("article").all()
        return [(each.get_attribute("data-verdict"), each.get_attribute("data-reason")) for each in found]

    def problems(self) -> list[str]:
        page = self.page
        return [*self.trouble, *self.requests[1:], *broken_texts(page), *too_wide(page), *too_wide(page, 320),
                *accessibility_findings(page)]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The verifier and bundles: settled, of which one line was changed, and without a month."""
    folder = tmp_path_factory.mktemp("stick")
    (folder / "verifier.html").write_text(verifier_html(), encoding="utf-8")
    title = '<img src="x" onerror="throw 1"><b>'
    bundle = built(recipe(3, project__title=title))
    (folder / "settled.json").write_text(bundle_text(bundle), encoding="utf-8")
    bundle["lines"][7] = bundle["lines"][7].replace('"covered_s":900', '"covered_s":899')
    (folder / "rejected.json").write_text(bundle_text(bundle), encoding="utf-8")
    one = recipe(3, project__title=title)
    one.month = None
    (folder / "open.json").write_text(bundle_text(built(one)), encoding="utf-8")
    return folder


@pytest.mark.parametrize("profile", [DESKTOP, PHONE], ids=["english", "chinese"])
def test_verdicts_are_shown_and_nothing_is_requested(browser: Browser, folder: Path, profile: dict[str, Any]) -> None:
    tab = Opened(browser, folder / "verifier.html", profile)
    assert tab.page.locator("html").get_attribute("lang") == profile["locale"][:2].replace("zh", "zh-CN")
    expected = {
        "settled": ("settled", "settled"),
        "rejected": ("rejected", "line_signature"),
        "open": ("open", "no_month"),
    }
    for name, verdict in expected.items():
        assert tab.verify(folder / f"{name}.json") == [verdict]
        assert tab.problems() == [], name
        assert (focus_width_px(tab.page) or 2) >= 2
    expected["open"] = ("open", "older_without_month")  # of the month that the settled one contains
    assert tab.verify(*(folder / f"{name}.json" for name in expected)) == list(expected.values())
    failed = tab.page.locator("[data-check=signatures][data-state=failed]")
    assert str(json.loads(built(recipe(3))["lines"][7])["seq"]) in failed.inner_text()
    tab.context.close()


def test_what_counts_is_in_the_headline(browser: Browser, folder: Path) -> None:
    """Of a correction that is not settled and of an older bundle; a simulated plant is outside the verdict."""
    made = {name: recipe(3, hours=1) for name in ("older", "correction")}
    made["correction"].corrected, made["correction"].signers = True, ()
    for name, each in made.items():
        assert each.month is not None
        each.month["simulated"] = True
        motor = next(iter(each.month["motor"]))
        each.month["motor"][motor]["assumptions"] = [{"code": "calibration_missing", "data": {
            "motor": motor, "device": "meter"}}]  # fmt: skip
        (folder / f"{name}.json").write_text(bundle_text(built(each)), encoding="utf-8")
    tab = Opened(browser, folder / "verifier.html", PHONE)
    assert tab.verify(folder / "correction.json") == [("open", "newer_unsettled")]
    headline = tab.page.locator("[data-part=headline]").inner_text()
    assert {"1", "2"} <= set(headline), "revision 1 is settled, 2 is not"
    assert tab.page.locator(".verdict [data-part=simulated]").count() == 0
    assert tab.page.locator("[data-part=simulated]").count() == 1
    assumption = tab.page.locator("[data-part=assumptions] li").first.inner_text()
    assert assumption.count(motor) == 1, assumption
    both = tab.verify(*(folder / f"{name}.json" for name in made))
    assert both == [("open", "older_bundle"), ("open", "newer_unsettled")]
    assert "correction.json" in tab.page.locator("[data-part=headline]").first.inner_text()
    assert tab.problems() == []
    tab.context.close()


def test_without_scripts_the_file_states_what_it_needs(browser: Browser, folder: Path) -> None:
    tab = Opened(browser, folder / "verifier.html", {**PHONE, "java_script_enabled": False})
    assert tab.page.locator("#page p").count() == 2
    tab.context.close()


def test_the_language_is_switched_and_the_result_stays(browser: Browser, folder: Path) -> None:
    tab = Opened(browser, folder / "verifier.html", DESKTOP)
    tab.verify(folder / "settled.json")
    english = tab.page.locator("article").inner_text()
    tab.page.locator("[data-language=zh]").focus()
    tab.page.keyboard.press("Enter")
    chinese = tab.page.locator("article").inner_text()
    assert tab.page.evaluate("document.activeElement.dataset.language") == "zh"
    assert chinese != english
    amounts = json.loads((folder / "settled.json").read_text(encoding="utf-8"))["months"][0]["document"]["amount"]
    assert amounts["gross"] in english.replace(",", "")
    assert amounts["gross"] in chinese.replace(",", "")
    tab.context.close()


def test_a_file_is_dropped_and_a_key_is_typed_with_the_keyboard(browser: Browser, folder: Path) -> None:
    tab = Opened(browser, folder / "verifier.html", DESKTOP)
    tab.page.evaluate(DROP, ["settled.json", (folder / "settled.json").read_text(encoding="utf-8")])
    assert tab.results(1) == [("settled", "settled")]
    assert tab.page.evaluate("document.activeElement.className") == "verdict open", "a screen reader reads it"
    invented = tab.page.locator("[data-part=headline]").inner_text()
    tab.page.locator("summary").focus()
    tab.page.keyboard.press("Enter")
    for key, verdict in ((OTHER.public, ("rejected", "typed_key_unknown")), (CUSTOMER.public, ("settled", "settled")),
                         ("12", ("rejected", "typed_key_form"))):  # fmt: skip
        tab.page.fill("#keys", key)
        tab.page.keyboard.press("Tab")
        tab.page.keyboard.press("Tab")
        tab.page.keyboard.press("Enter")
        tab.page.wait_for_selector(f"article[data-reason={verdict[1]}]")
        assert tab.results(1) == [verdict]
        if verdict[0] == "settled":
            assert tab.page.locator(".verdict.settled [data-part=headline]").inner_text() != invented
    assert tab.problems() == []
    tab.context.close()


def test_the_own_plan_and_a_checkpoint_are_chosen_with_the_bundle(browser: Browser, folder: Path) -> None:
    bundle = json.loads((folder / "settled.json").read_text(encoding="utf-8"))
    line = json.loads(bundle["lines"][-1])
    (folder / "plan.json").write_text(json.dumps(bundle["plans"][0]), encoding="utf-8")
    (folder / "checkpoints.jsonl").write_text(f"{json.dumps({'seq': line['last'], 'hash': line['hash']})}\n" * 2)
    tab = Opened(browser, folder / "verifier.html", DESKTOP)
    tab.page.set_input_files("#files", [folder / name for name in ("plan.json", "settled.json", "checkpoints.jsonl")])
    assert tab.results(1) == [("settled", "settled")]
    for code in ("own_plan", "checkpoints"):
        assert tab.page.locator(f"[data-check={code}]").get_attribute("data-state") == "passed"
    tab.page.set_input_files("#files", [folder / "plan.json"])
    assert tab.results(1) == [("rejected", "no_bundle")]
    assert tab.problems() == []
    tab.context.close()


def test_a_file_that_is_no_bundle_is_named(browser: Browser, folder: Path) -> None:
    files = (
        (b"hello", "json_invalid"),
        (b"\xff\xd8", "file_unreadable"),
        (b"null", "format_unknown"),
        (b"{}", "format_unknown"),
    )
    tab = Opened(browser, folder / "verifier.html", DESKTOP)
    for number, (data, reason) in enumerate(files):
        (folder / f"{number}.json").write_bytes(data)
        assert tab.verify(folder / f"{number}.json") == [("rejected", reason)]
    assert tab.trouble == []
    tab.context.close()


@pytest.mark.parametrize("script", [WITHOUT_ED25519, WITHOUT_SUBTLE], ids=["ed25519", "subtle"])
def test_a_browser_without_the_algorithm_uses_the_library(browser: Browser, folder: Path, script: str) -> None:
    tab = Opened(browser, folder / "verifier.html", DESKTOP, script)
    assert tab.verify(folder / "settled.json") == [("settled", "settled")]
    assert "noble-ed25519" in tab.page.locator("footer").inner_text()
    assert tab.verify(folder / "rejected.json") == [("rejected", "line_signature")]
    assert tab.problems() == []
    tab.context.close()


@pytest.mark.parametrize(
    "script", ["", pytest.param(WITHOUT_ED25519, marks=pytest.mark.soak)], ids=["browser", "library"]
)  # fmt: skip
def test_a_month_of_a_motor_is_verified_on_a_phone(browser: Browser, folder: Path, script: str) -> None:
    path = folder / "month.json"
    path.write_text(bundle_text(built(recipe(18, hours=QUARTERS_OF_MONTH // 4))), encoding="utf-8")
    tab = Opened(browser, folder / "verifier.html", PHONE, script)
    tab.context.new_cdp_session(tab.page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    begin = time.monotonic()
    tab.page.set_input_files("#files", str(path))
    tab.page.wait_for_selector("progress")
    assert tab.results(1) == [("settled", "settled")]
    assert time.monotonic() - begin <= LIMIT_S
    assert tab.problems() == []
    tab.context.close()
