"""The files of a package outside of the program's environment: units, rules, man page, completions, documents."""

from __future__ import annotations

import email.utils
import gzip
import importlib.metadata
import shutil
from pathlib import Path

from deploy.debian.targets import FOLDER, PACKAGE, Target

MAINTAINER = "magwatt developers <packages@magwatt.example>"
# Source below deploy/ → place on the gateway.
PLACES = {
    "magwatt.service": "usr/lib/systemd/system/magwatt.service",
    "magwatt-web.service": "usr/lib/systemd/system/magwatt-web.service",
    "magwatt-modbus.service": "usr/lib/systemd/system/magwatt-modbus.service",
    "99-magwatt.rules": "usr/lib/udev/rules.d/99-magwatt.rules",
    "magwatt.sysusers.conf": "usr/lib/sysusers.d/magwatt.conf",
    "magwatt.tmpfiles.conf": "usr/lib/tmpfiles.d/magwatt.conf",
    "share/bash-completion/completions/magwatt": "usr/share/bash-completion/completions/magwatt",
    "share/zsh/site-functions/_magwatt": "usr/share/zsh/vendor-completions/_magwatt",
    "share/fish/vendor_completions.d/magwatt.fish": "usr/share/fish/vendor_completions.d/magwatt.fish",
}
EXAMPLES = ("grafana", "mosquitto", "telegraf", "timescaledb")  # for other servers
CHANGES = """\
{package} ({version}) {codename}; urgency=medium

  * Version {upstream}; its changes are in changelog.gz.

 -- {maintainer}  {date}
"""


def lay(target: Target, source: Path, site: Path, tree: Path, upstream: str, epoch_s: int) -> None:
    """Lays the files below `tree`. source: that of the program. site: its site-packages in the package."""
    deploy = source / "deploy"
    for name, place in PLACES.items():
        found = deploy / name
        _copy(found if found.exists() else FOLDER.parent / name, tree / place)
    (tree / "usr" / "bin").mkdir(parents=True)
    (tree / "usr" / "bin" / PACKAGE).symlink_to(f"/opt/{PACKAGE}/bin/{PACKAGE}")
    _compress((deploy / "share/man/man1/magwatt.1").read_bytes(), tree / "usr/share/man/man1/magwatt.1.gz")
    _copy(FOLDER / "lintian-overrides", tree / "usr/share/lintian/overrides" / PACKAGE)
    documents = tree / "usr" / "share" / "doc" / PACKAGE
    _compress((source / "CHANGELOG.md").read_bytes(), documents / "changelog.gz")
    changes = CHANGES.format(
        package=PACKAGE, version=target.version(upstream), codename=target.release.codename, upstream=upstream,
        maintainer=MAINTAINER, date=email.utils.formatdate(epoch_s),
    )  # fmt: skip
    _compress(changes.encode(), documents / "changelog.Debian.gz")
    (documents / "copyright").write_text(copyright_text(site), encoding="utf-8")
    for file in sorted((source / "examples").glob("*.toml")):
        _copy(file, documents / "examples" / file.name)
    for name in EXAMPLES:
        shutil.copytree(deploy / name, documents / "examples" / name, ignore=shutil.ignore_patterns("__pycache__"))


def copyright_text(site: Path) -> str:
    """The licence of the program, and those of the packages below `site`, from their metadata."""
    lines = [(FOLDER / "copyright").read_text(encoding="utf-8")]
    found = {item.metadata["Name"]: item for item in importlib.metadata.distributions(path=[str(site)])}
    for name in sorted(set(found) - {PACKAGE}, key=str.lower):
        item = found[name]
        files = f"/opt/{PACKAGE}/lib/{site.parent.name}/site-packages"
        folder = Path(str(item._path)).name  # type: ignore[attr-defined]  # of a distribution in a folder
        lines.append(f" {name} {item.version}: {_license(item)}; {files}/{folder}\n")
    return "".join(lines)


def _license(item: importlib.metadata.Distribution) -> str:
    """The name of the licence in one line; older metadata contain its text or only a classifier."""
    fields = item.metadata.get_all
    for expression in fields("License-Expression") or ():
        return str(expression)
    for classifier in fields("Classifier") or ():
        kind, _, name = str(classifier).partition(" :: ")
        if kind == "License":
            return name.rpartition(" :: ")[2]
    texts = [line for text in fields("License") or () for line in str(text).splitlines()]
    return texts[0] if texts else "see its files"


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _compress(content: bytes, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(gzip.compress(content, mtime=0))
