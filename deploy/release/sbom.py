"""The bill of materials of a package in CycloneDX 1.6: its locked wheels and the libraries of the page.

Python and the system libraries are not in the package; its field Depends names them.
"""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime
from pathlib import Path

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from deploy.debian.targets import PACKAGE, Target
from deploy.release.locked import read_lock, wheel_hashes

VENDORED = Path("agent/web/static/vendor/README.md")
ROW = re.compile(r"^\| \S+ \| (?P<name>\S+) (?P<version>\d\S*) \|", re.MULTILINE)  # | file | package version | …


def bom_of(target: Target, version: str, wheels: Path, vendored: Path, epoch_s: int) -> Bom:
    """wheels: folder with the files of the lock. vendored: table of the libraries of the page.

    Raises ValueError if a locked package has not exactly one wheel there.
    """
    package = PackageURL("deb", "magwatt", PACKAGE, target.version(version), {"arch": target.arch})
    root = Component(
        name=PACKAGE, version=target.version(version), type=ComponentType.APPLICATION, purl=package,
        bom_ref=package.to_string(),
    )  # fmt: skip
    parts = [*_wheels(target, wheels), *_scripts(vendored.read_text(encoding="utf-8"))]
    made = Bom(
        components=parts,
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, package.to_string()),  # two builds give equal files
        metadata=BomMetaData(component=root, timestamp=datetime.fromtimestamp(epoch_s, UTC)),
    )
    made.register_dependency(root, parts)
    return made


def as_json(bom: Bom) -> str:
    """CycloneDX JSON, checked against the schema. Raises ValueError if it does not conform."""
    text: str = JsonV1Dot6(bom).output_as_string(indent=1)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of materials does not conform to CycloneDX 1.6: {error}")
    return text + "\n"


def _wheels(target: Target, wheels: Path) -> list[Component]:
    locked = read_lock(target.lock.read_text(encoding="utf-8"))
    sha256 = wheel_hashes(locked, wheels)
    return [_part(PackageURL("pypi", name=item.name, version=item.version), [sha256[item.name]]) for item in locked]


def _scripts(table: str) -> list[Component]:
    """The packages of the page; a test compares their files with the hashes of the table."""
    packages = dict.fromkeys((row["name"], row["version"]) for row in ROW.finditer(table))
    if not packages:
        raise ValueError(f"no package in the table of {VENDORED}")
    return [_part(PackageURL("npm", name=name, version=version), []) for name, version in packages]


def _part(purl: PackageURL, sha256: list[str]) -> Component:
    return Component(
        name=purl.name, version=purl.version, type=ComponentType.LIBRARY, purl=purl, bom_ref=purl.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=item) for item in sha256],
    )  # fmt: skip
