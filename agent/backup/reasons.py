"""Codes of `magwatt backup` and `magwatt restore`."""

from __future__ import annotations

from drivers.reasons import Code

# Backup

NOTHING_TO_BACK_UP = Code("nothing_to_back_up", "{path}: no state file; `magwatt run` creates it")
STATE_NOT_READ = Code("state_not_read", "{path}: {error}; repeat the command with sudo")
BACKUP_EXISTS = Code("backup_exists", "{path} exists; choose another name")
BACKUP_FAILED = Code("backup_failed", "{path} was not written: {error}; no part of it remains")
SOURCE_CORRUPT = Code(
    "source_corrupt", "{path} is corrupt ({error}); the agent replaces a corrupt file and recovers its readable rows"
)
LEDGER_NOT_VALID = Code(
    "ledger_not_valid", "the ledger in the backup does not pass the verification, like that of the gateway: {problem}"
)
RECORDS_INCLUDED = Code(
    "records_included", "{n:d} {n:record|records} of commissioning and `magwatt init` included: {names}"
)
SECRET_OMITTED = Code(
    "secret_omitted", "{path} is not in the backup, because it contains a secret (--with-secrets includes it)"
)
FILE_OUTSIDE = Code(
    "file_outside", "{path} is not in the backup, because it is outside the folder of the configuration"
)
FILE_NOT_READ = Code("file_not_read", "{path} is not in the backup: {error}")

# Restoration

NOT_A_BACKUP = Code("not_a_backup", "{path}: not a backup of magwatt ({error})")
BACKUP_TOO_NEW = Code(
    "backup_too_new",
    "{path} was written by magwatt {version}, a later version: its format is {schema:d}, and this version supports "
    "{supported:d}. Install that version first",
)
BACKUP_DAMAGED = Code("backup_damaged", "{path} is damaged: {part} has another content than the backup states")
BACKUP_PART_INVALID = Code("backup_part_invalid", "{path}: {part} cannot be used: {error}")
RESTORE_FAILED = Code(
    "restore_failed", "the restoration ended: {error}. What was there before is in {kept}; repeat the command"
)
NOTHING_RESTORED = Code("nothing_restored", "nothing was restored, and nothing was changed: {error}")
PLACE_NOT_WRITABLE = Code(
    "place_not_writable", "nothing was restored: {path} cannot be written by this user; repeat the command with sudo"
)
STATE_RESTORED = Code(
    "state_restored",
    "the state was restored from a backup of {backup_ms:local}; what was measured since and not delivered is missing",
)
