"""The manifest of a backup: where it comes from, and what it contains.

The hashes detect damage. They do not prove who wrote the backup: the file contains the private key of the ledger. That
its ledger is the newest one is shown by an external checkpoint only.
"""

from __future__ import annotations

import msgspec

SCHEMA = "magwatt.backup/1"
FILE = "manifest.json"


class BackupPart(msgspec.Struct, frozen=True):
    """A file in the backup.

    name: in the archive, below `state/` or `config/`.
    size: bytes.
    sha256: of its content, hexadecimal digits.
    mode: permissions.
    user, group: names of its owner; empty: unknown.
    """

    name: str
    size: int
    sha256: str
    mode: int = 0o600
    user: str = ""
    group: str = ""


class Manifest(msgspec.Struct, frozen=True):
    """Content of the file `manifest.json`, the first of the archive.

    s: format of the backup.
    version: of magwatt.
    made_ms: UTC.
    site, gateway: of the configuration.
    timezone: of the site.
    schema: version of the state file.
    run: number of the newest run.
    ledger_records, ledger_hash: number and hash of the newest record of the ledger; 0 and empty: there is none.
    config_file, state_dir: absolute paths on the gateway.
    parts: the files.
    omitted: paths of files that the configuration names and the backup does not contain.
    """

    s: str
    version: str
    made_ms: int
    site: str
    gateway: str
    timezone: str
    schema: int
    run: int
    ledger_records: int
    ledger_hash: str
    config_file: str
    state_dir: str
    parts: tuple[BackupPart, ...]
    omitted: tuple[str, ...] = ()
