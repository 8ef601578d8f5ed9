"""Codes of the ledger: keys, records, external checkpoints and the stored data that records confirm.

In codes of records, `seq` is the number of the record.
"""

from __future__ import annotations

from drivers.reasons import Code

# Keys

KEY_FILE_INVALID = Code("key_file_invalid", "{path}: not a ledger key")
KEY_WITHOUT_PRIVATE_HALF = Code(
    "key_without_private_half", "{path}: contains only the public key; signing needs the private key"
)
KEY_HALVES_DIFFER = Code("key_halves_differ", "{path}: the public key does not match the private key")
KEY_WITHOUT_PUBLIC_HALF = Code(
    "key_without_public_half",
    "{path}: declares an HMAC key, which has no public key; only the key file itself can verify its signatures",
)
HMAC_SECRET_NEEDED = Code(
    "hmac_secret_needed", "an HMAC signature can only be verified with the secret key file: give it with --key"
)
HMAC_LEDGER = Code(
    "hmac_ledger",
    "the ledger is signed with HMAC-SHA256, by an earlier version: only the owner of the secret key can verify it. "
    "`magwatt ledger begin` continues it with an Ed25519 key, whose public key verifies it",
)
KEY_REPLACED = Code(
    "key_replaced",
    "the ledger continues with key {fingerprint}, but the key file contains another one: restore the file from a "
    "backup",
)
KEY_NOT_OF_LEDGER = Code("key_not_of_ledger", "{path}: this is not the key that signed the ledger")
LEDGER_SIGNED_ALREADY = Code(
    "ledger_signed_already", "{path}: the ledger is signed with Ed25519 already, key {fingerprint}"
)
KEY_DECLARATION_INVALID = Code("key_declaration_invalid", "the record declares no valid key")
FINGERPRINT_WRONG = Code(
    "fingerprint_wrong", "the declared fingerprint is {declared}, but the public key has fingerprint {fingerprint}"
)

# Files

STATE_FILE_WITHOUT_LEDGER = Code(
    "state_file_without_ledger",
    "{path}: a state file of an earlier version, without a ledger. Start `magwatt run` of this version to upgrade the "
    "state file of the gateway, then verify it or a new copy",
)
NOT_A_STATE_FILE = Code(
    "not_a_state_file",
    "{path}: a database, but not a state file of magwatt; give the state directory or its magwatt.sqlite",
)
CHECKPOINT_LINE_INVALID = Code(
    "checkpoint_line_invalid", "line {line:d}: not a checkpoint; if a power failure truncated the line, remove it"
)
CHECKPOINT_FIELDS_MISSING = Code(
    "checkpoint_fields_missing", "checkpoint {number:d} of the file: seq or hash is missing, or a value is not valid"
)

# The chain of records

RECORD_MISSING = Code("record_missing", "record {seq:d} is missing")
RECORDS_MISSING = Code("records_missing", "records {seq:d} to {last_seq:d} are missing")
RECORD_HASH_WRONG = Code("record_hash_wrong", "record {seq:d} was edited: its content does not match its hash")
RECORD_UNREADABLE = Code("record_unreadable", "record {seq:d} is not valid JSON")
RECORD_NOT_CANONICAL = Code("record_not_canonical", "record {seq:d} is not canonical JSON")
RECORD_MOVED = Code(
    "record_moved",
    "record {seq:d} was moved, or its time or kind was edited: its signed content has number {signed_seq}, kind "
    "{signed_kind}",
)
RECORD_FIELDS_INVALID = Code(
    "record_fields_invalid", "record {seq:d} is signed, but a field has an invalid value: {error}"
)
RECORD_UNCHAINED = Code("record_unchained", "record {seq:d} does not contain the hash of the record before it")
SIGNATURE_WRONG = Code("signature_wrong", "record {seq:d} is not signed with key {fingerprint}")
KEY_RECORD_MISSING = Code("key_record_missing", "record {seq:d}: the ledger does not start with a key record")
KEY_RECORD_INVALID = Code("key_record_invalid", "record {seq:d}: {cause}")
KEY_UNEXPECTED = Code(
    "key_unexpected", "record {seq:d}: the ledger starts with key {fingerprint}, but key {expected} is expected"
)
KEY_CHANGED = Code(
    "key_changed",
    "record {seq:d} declares another key, {fingerprint}: the key file was lost, or the records from here on were not "
    "written by this gateway",
)
HMAC_PART_CONFIRMED = Code(
    "hmac_part_confirmed",
    "records 1 to {last_seq:d} are signed with HMAC key {fingerprint}, whose secret was not given. Record "
    "{seq:d}, signed with Ed25519, confirms them by their hash",
)

# Intervals, baselines and decisions of the state file compared with the records

INTERVAL_CHANGED = Code(
    "interval_changed",
    "record {seq:d}: the interval of {asset} from {from_ms:local} was edited or removed after it was recorded",
)
RUNNING_INTERVAL_CHANGED = Code(
    "running_interval_changed",
    "the interval of {asset} from {from_ms:local} was edited or removed before it was over",
)
VERSION_NOT_RECORDED = Code(
    "version_not_recorded",
    "record {seq:d} replaces a version of the interval of {asset} from {from_ms:local} that is not the recorded one: "
    "it was edited or removed before",
)
RECORD_FIELD_WRONG = Code(
    "record_field_wrong",
    "record {seq:d} was signed with a wrong value: {field} of {asset} from {from_ms:local} is {recorded}, the stored "
    "intervals give {computed}",
)
HOUR_INTERVALS_CHANGED = Code(
    "hour_intervals_changed",
    "record {seq:d}: the intervals of {asset} in the hour from {from_ms:local} are not the recorded ones",
)
INTERVALS_NOT_RECORDED = Code(
    "intervals_not_recorded",
    "{n:d} {n:interval|intervals} of {asset} {n:is|are} in no record, the first from {first_ms:local}: inserted later, "
    "or the records were removed, or the key could not sign (see the log of the agent)",
)
BASELINE_NOT_RECORDED = Code("baseline_not_recorded", "the baseline of {asset} ({hash}) is in no record")
BASELINE_EDITED = Code("baseline_edited", "record {seq:d}: the baseline of {asset} in use is not the recorded one")
BASELINE_REMOVED = Code("baseline_removed", "record {seq:d}: the state file no longer contains the baseline of {asset}")
BASELINE_ROLLED_BACK = Code(
    "baseline_rolled_back", "record {seq:d}: the baseline of {asset} in use ({hash}) is an older one"
)
STORED_EVENT_INVALID = Code("stored_event_invalid", "event {name} in the state file cannot be read")
DECISION_EDITED = Code(
    "decision_edited", "record {seq:d}: the decision on event {number:d} of {asset} is not the recorded one"
)
DECISION_NOT_RECORDED = Code("decision_not_recorded", "the decision on event {number:d} of {asset} is in no record")
MONTH_LINES_WRONG = Code(
    "month_lines_wrong", "record {seq:d}: the month names line {last:d} with another hash than that of the ledger"
)
MONTH_DECISION_MISSING = Code(
    "month_decision_missing", "record {seq:d}: the month names decision {hash}, which is not in the ledger before it"
)
DECIDED_EVENT_REMOVED = Code(
    "decided_event_removed", "record {seq:d}: the state file no longer contains event {number:d} of {asset}"
)

# Restorations of a backup

LEDGER_RESTORED = Code(
    "ledger_restored",
    "record {seq:d}: the state was restored on {restored_ms:local} from a backup of {backup_ms:local}; {n:d} later "
    "{n:record|records} of the ledger {n:is|are} not part of it",
)
LEDGER_FORKED = Code(
    "ledger_forked",
    "record {seq:d}: the state was restored on {restored_ms:local} from a backup of {backup_ms:local}; records that "
    "the ledger got after the backup are not part of it. Only a checkpoint from that time shows whether there were any",
)

# External checkpoints

CHECKPOINT_INVALID = Code(
    "checkpoint_invalid",
    "external checkpoint {checkpoint} is invalid: its hash or signature does not match its content. Use the original "
    "copy",
)
CHECKPOINT_OF_OTHER_KEY = Code(
    "checkpoint_of_other_key", "record {seq:d}: external checkpoint {checkpoint} was signed with key {fingerprint}"
)
CHECKPOINT_NOT_IN_LEDGER = Code(
    "checkpoint_not_in_ledger",
    "record {seq:d} is missing: external checkpoint {checkpoint} is record {checkpoint_seq:d}. The ledger was "
    "truncated, or rolled back to an older copy",
)
CHECKPOINT_DIFFERS = Code(
    "checkpoint_differs",
    "record {seq:d} or a later one up to {checkpoint_seq:d} was rewritten: external checkpoint {checkpoint} has "
    "another hash",
)

# What is not recorded yet

RECORDS_PENDING = Code(
    "records_pending",
    "the newest {n:d} {n:interval|intervals} of {assets}, from {since_ms:local}, {n:is|are} not recorded yet: an "
    "earlier version recorded hours, 20 min after their end. The agent of this version records them when it starts",
)
LEDGER_EMPTY = Code(
    "ledger_empty",
    "the ledger is empty: no agent has measured a motor with this state directory yet, or its log shows why it cannot "
    "write records",
)
