"""The scripts of the first view as one file: order, scopes, names, and what does not fit."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from agent.web.http.script_bundle import bundle
from agent.web.http.static_files import FIRST, FOLDER, load

SOURCES = {
    "app.js": 'import Start from "./views/start.js";\nimport {twice} from "./core/math.js";\n'
              "const found = await Promise.resolve(twice(Start()));\nglobalThis.found = found;\n"
              "import(`./views/${found}.js`).catch((error) => { globalThis.later = error.message; });\n",
    "views/start.js": 'import {base} from "../core/math.js";\nconst hidden = 1;\n'
                      "export default function Start() {\n  return base + hidden;\n}\n",
    "core/math.js": "const hidden = 20;\nexport const base = hidden;\n"
                    "export async function later() {}\nexport function twice(value) {\n  return 2 * value;\n}\n",
}  # fmt: skip


def test_each_script_runs_once_after_those_that_it_imports() -> None:
    found = bundle(SOURCES, "app.js")
    assert found.names == ("core/math.js", "views/start.js", "app.js")
    assert not re.search(r"^import ", found.text, re.MULTILINE)
    assert {"base", "later", "twice", "Start"} == {
        name for names in re.findall(r"^export const \{(.*?)\}", found.text, re.MULTILINE) for name in names.split(", ")
    }


@pytest.mark.skipif(shutil.which("node") is None, reason="without node")
def test_scopes_stay_apart() -> None:
    """Each script has its own `hidden`: 2 · (20 + 1) = 42."""
    script = bundle(SOURCES, "app.js").text + "console.log(globalThis.found);\n"
    node = subprocess.run(
        ["node", "--input-type=module", "-"], input=script, capture_output=True, text=True, timeout=20
    )
    assert node.stdout.strip() == "42", node.stderr


def test_a_later_import_is_seen_from_the_first_script() -> None:
    sources = {"setup/setup.js": 'import {show} from "../core/show.js";\nshow();\n',
               "core/show.js": 'export const show = () => import("./more.js");\n'}  # fmt: skip
    assert 'import("./../core/more.js")' in bundle(sources, "setup/setup.js").text


@pytest.mark.parametrize(("name", "text"), [
    ("views/start.js", 'import {twice as two} from "../core/math.js";\nexport default function Start() {}\n'),
    ("views/start.js", "export default function Start() {}\nexport const base = 1;\n"),  # the name of another script
    ("views/start.js", "export let Start = 1;\n"),
    ("core/math.js", 'import Start from "../views/start.js";\nexport const base = 1;\n'),  # a circle
])  # fmt: skip
def test_what_does_not_fit_into_one_file_is_refused(name: str, text: str) -> None:
    with pytest.raises(ValueError, match="js"):
        bundle({**SOURCES, name: text}, "app.js")


def test_the_page_leads_the_names_of_its_first_scripts_to_one_file() -> None:
    files = load()
    names = [name for name in files.imported if name != FIRST]
    assert {"core/html.js", "core/text.js", "views/plant.js"} <= set(names)
    assert not set(names) & files.files.keys(), "a second copy would have a state of its own"
    for name in names:
        assert f'"/static/{name}":"/static/{FIRST}"' in files.index
    for name in files.texts:
        source = (FOLDER / name).read_text(encoding="utf-8")
        for path in re.findall(r'^import .* from "(\.[^"]+)";', source, re.MULTILINE):
            assert path.endswith(".js"), name
