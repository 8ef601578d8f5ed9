"""The offline verifier is one small file that needs and reaches nothing else, with a text for each of its codes."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.basics import ROOT

from agent.cli import main
from agent.contract.verifier_page import verifier_html

FOLDER = ROOT / "agent" / "contract" / "verifier"
SIZE_MAX = 300_000  # issue 23
ROW = re.compile(r"^\| (?P<file>\S+\.js) \| .* \| (?P<sha256>[0-9a-f]{64}) \|$", re.MULTILINE)
TEXT = re.compile(r'(?:^|\s)(\w+): \[\s*"((?:[^"\\]|\\.)*)",\s*"((?:[^"\\]|\\.)*)"\]', re.MULTILINE)
FIELD = re.compile(r"\{(\w+)\}")


@pytest.fixture(scope="module")
def html() -> str:
    return verifier_html()


@pytest.mark.text
def test_the_command_writes_the_file_and_its_hash(html: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["contract", "verifier", "--output", str(tmp_path / "verifier.html")])
    assert done.exit_code == 0, done.output
    data = (tmp_path / "verifier.html").read_bytes()
    assert data.decode() == html, "the same each time"
    assert hashlib.sha256(data).hexdigest() in done.output
    assert len(data) <= SIZE_MAX
    missing = CliRunner().invoke(main, ["contract", "verifier", "--output", str(tmp_path / "none" / "verifier.html")])
    assert missing.exit_code == 2


def test_only_its_own_script_and_style_are_allowed(html: str) -> None:
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', html)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for tag in ("script", "style"):
        [text] = re.findall(rf"<{tag}>(.*)</{tag}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[f"{tag}-src"] == f"'sha256-{digest}'"
    assert set(rules) == {"default-src", "base-uri", "form-action", "script-src", "style-src"}


def test_the_bundled_libraries_are_unchanged_and_have_their_licences(html: str) -> None:
    vendor = FOLDER / "vendor"
    table = {row["file"]: row["sha256"] for row in ROW.finditer((vendor / "README.md").read_text(encoding="utf-8"))}
    files = {str(path.relative_to(vendor)): path.read_bytes() for path in vendor.glob("*/*.js")}
    assert {name: hashlib.sha256(data).hexdigest() for name, data in files.items()} == table
    assert (
        html.count("Copyright (c)") >= len(list(vendor.glob("*/LICENSE"))) == len({Path(name).parent for name in files})
    )


def test_each_code_has_a_text_in_both_languages() -> None:
    texts = {found[1]: found.groups()[1:] for found in TEXT.finditer(read("view/texts.js"))}
    core = "".join(path.read_text(encoding="utf-8") for path in (FOLDER / "core").glob("*.js"))
    codes = set(re.findall(r'(?:reject|problem|open|Rejection)\("(\w+)"', core)) | set(
        re.findall(r'code: "(\w+)"', core)
    )
    codes |= {f"check_{name}" for name in re.findall(r'\["(\w+)", \w+\]', read("core/bundle.js"))}
    codes |= set(
        re.findall(r'\btext\("(\w+)"', "".join(map(read, ("view/page.js", "view/result.js", "view/figures.js"))))
    )
    codes |= set(re.findall(r'(?:return|\?|:) "(signature_\w+)"', read("core/documents.js")))
    assert len(codes) > 120
    assert codes - texts.keys() == set()
    for code, (english, chinese) in texts.items():
        assert set(FIELD.findall(english)) == set(FIELD.findall(chinese)), code
        assert re.search("[\u4e00-\u9fff]", chinese) or not re.search("[a-z]{3}", FIELD.sub("", english)), code


def read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")
