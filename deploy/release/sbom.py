"""The bill of materials of a package in CycloneDX 1.6: its locked wheels, the libraries of page and offline verifier.

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

VENDORED = (Path("agent/web/static/vendor/README.md"), Path("agent/contract/verifier/vendor/README.md"))
ROW = re.compile(r"^\| \S+ \| (?P<name>\S+) (?P<version>\d\S*) \|", re.MULTILINE)  # | file | package version | …


def bom_of(target: Target, version: str, wheels: Path, root: Path, epoch_s: int) -> Bom:
    """wheels: folder with the files of the lock. root: of the project, with the tables of bundled libraries.

    Raises ValueError if a locked package has not exactly one wheel there.
    """
    package = PackageURL("deb", "magwatt", PACKAGE, target.version(version), {"arch": target.arch})
    product = Component(
        name=PACKAGE, version=target.version(version), type=ComponentType.APPLICATION, purl=package,
        bom_ref=package.to_string(),
    )  # fmt: skip
    tables = [(root / path).read_text(encoding="utf-8") for path in VENDORED]
    parts = [*_wheels(target, wheels), *(script for table in tables for script in _scripts(table))]
    made = Bom(
        components=parts,
        serial_number=uuid.uuid5(uuid.NAMESPACE_URL, package.to_string()),  # two builds give equal files
        metadata=BomMetaData(component=product, timestamp=datetime.fromtimestamp(epoch_s, UTC)),
    )
    made.register_dependency(product, parts)
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
    """The packages of a table; a test compares their files with its hashes."""
    packages = dict.fromkeys((row["name"], row["version"]) for row in ROW.finditer(table))
    if not packages:
        raise ValueError(f"no package in a table of {VENDORED}")
    return [_part(_npm(name, version), []) for name, version in packages]


def _npm(name: str, version: str) -> PackageURL:
    """name: "preact", or with its scope "@noble/hashes"."""
    scope, _, own = name.rpartition("/")
    return PackageURL("npm", scope or None, own, version)


def _part(purl: PackageURL, sha256: list[str]) -> Component:
    return Component(
        name=purl.name, version=purl.version, type=ComponentType.LIBRARY, purl=purl, bom_ref=purl.to_string(),
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=item) for item in sha256],
    )  # fmt: skip
