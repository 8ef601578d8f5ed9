"""Codes of the store: why the state file cannot be used, and why rows are missing.

Table columns hold a reason as the JSON text of code and data: `stored` and `loaded`.
"""

from __future__ import annotations

import msgspec

from drivers.reasons import UNKNOWN, Code, Reason, reason_of

# Why the state file or its directory cannot be used

STATE_DIR_UNUSABLE = Code("state_dir_unusable", "store.state_dir {directory}: {cause}")
DISK_FULL = Code("disk_full", "the disk of {path} is full: delete files there, or move store.state_dir to another disk")
DISK_READ_ONLY = Code(
    "disk_read_only",
    "the disk of {path} can only be read: check it (`dmesg`), and mount it writable. An SD card that is worn out "
    "becomes read-only",
)
DISK_FAILING = Code("disk_failing", "the disk of {path} reports an error: check it (`dmesg`), and replace an SD card")
STATE_DIR_FORBIDDEN = Code(
    "state_dir_forbidden",
    "this user may not write to {path}: correct its owner. `magwatt check --as-user NAME` shows the command",
)
STATE_DIR_IS_FILE = Code(
    "state_dir_is_file", "{path} is a file and not a folder: delete it, or write another store.state_dir"
)
STATE_DIR_IN_USE = Code(
    "state_dir_in_use",
    "{directory} is in use by process {pid:d} (`{command}`) since {since_ms:local}; stop it first. The service is "
    "stopped by `sudo systemctl stop magwatt`",
)
STATE_DIR_HELD = Code(
    "state_dir_held",
    "process {pid:d} (`{command}`) uses the buses of this configuration since {since_ms:local}; its serial ports "
    "cannot be opened meanwhile",
)
NO_STATE_DIR = Code("no_state_dir", "no state directory")
IN_MEMORY_ONLY = Code("in_memory_only", "rows and counters are stored in memory only: {cause}")
STATE_FILE_TOO_NEW = Code(
    "state_file_too_new",
    "the state file was written by a later version of magwatt: its format is {version:d}, and this version supports "
    "{supported:d}",
)
STATE_FILE_REPLACED = Code(
    "state_file_replaced",
    "the state file was corrupt ({error}) and was replaced; it is kept as {file}, and {rows:d} "
    "{rows:row was|rows were} recovered from it",
)
STATE_FILE_LOST = Code(
    "state_file_lost",
    "{file} is new although {evidence} proves an earlier run: the state file was deleted or emptied, with its waiting "
    "rows, energy counters and history; restore a backup if there is one",
)
STATE_FILE_OLDER = Code(
    "state_file_older",
    "{file} ends with run {run:d}, but the newest run was {newest:d}: the state file was replaced by an older copy, "
    "and what was stored since is missing",
)
STATE_FILE_REMOVED = Code(
    "state_file_removed",
    "{file} was deleted or replaced while the agent ran; it was written again from the open file, complete",
)
STATE_FILE_UNWRITABLE = Code("state_file_unwritable", "the state file cannot be written: {error}")
STATE_FILE_UNREADABLE = Code("state_file_unreadable", "{file} cannot be read: {error}")
STATE_FILE_TIMEOUT = Code("state_file_timeout", "the state file was not written within {timeout_s:g} s")
STATE_FILE_CLOSED = Code("state_file_closed", "the state file is closed")

# Why rows are missing

AGENT_KILLED = Code("agent_killed", "the agent or the computer stopped before the last rows were written")
UNSAVED_AT_STOP = Code("unsaved_at_stop", "the state file could not be written before the agent stopped")
ROWS_UNREADABLE = Code("rows_unreadable", "the state file was corrupt, and these rows could not be read from it")
ROW_CORRUPT = Code("row_corrupt", "the stored row was corrupt: its checksum is wrong; check the disk or SD card")
MEMORY_BUFFER_FULL = Code(
    "memory_buffer_full", "the state file could not be written, and the buffer in memory was full"
)
ROWS_THINNED = Code("rows_thinned", "rows were thinned to save space in the state file")
NO_SPACE_LEFT = Code("no_space_left", "the state file reached its quota, or the disk had too little free space")
READINGS_DROPPED = Code(
    "readings_dropped",
    "readings of {device} were dropped, because more arrived than this computer can process; use longer polling "
    "intervals",
)
RETENTION_EXPIRED = Code("retention_expired", "the rows were older than store.spool_retention")


def stored(reason: Reason) -> str:
    """A reason as text for a table column; equal reasons give equal texts."""
    return msgspec.json.encode(reason.as_object(), order="sorted").decode()


def loaded(text: str) -> Reason:
    """The reason that `stored` wrote. A text of another form, from an earlier version, becomes `unknown`."""
    try:
        found = msgspec.json.decode(text, type=dict)
    except msgspec.MsgspecError:
        return UNKNOWN(name=text)
    return reason_of(found)
