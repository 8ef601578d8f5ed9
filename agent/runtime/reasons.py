"""Codes of what prevents the agent, or a part of it, from starting: for `check`, `doctor` and the log of `run`."""

from __future__ import annotations

from drivers.reasons import Code

# Files, folders and ports that the account of the agent cannot use

SECRET_FORBIDDEN = Code(
    "secret_forbidden",
    "user {user} cannot read {path}, which belongs to {owner}:{group} with mode {mode:04o}. Run `sudo chown {user} "
    "{path}`",
)
FILE_FORBIDDEN = Code(
    "file_forbidden",
    "user {user} cannot read {path}, which belongs to {owner}:{group} with mode {mode:04o}. Run `sudo chmod a+r "
    "{path}`",
)
FOLDER_FORBIDDEN = Code(
    "folder_forbidden",
    "user {user} cannot enter the folder {folder} of {path}; it belongs to {owner}:{group} with mode {mode:04o}. Run "
    "`sudo chmod a+x {folder}`, or move the file",
)
FOLDER_UNWRITABLE = Code(
    "folder_unwritable",
    "user {user} cannot write to {path}, which belongs to {owner}:{group} with mode {mode:04o}. Run `sudo chown {user} "
    "{path}`",
)
FOLDER_NOT_CREATED = Code(
    "folder_not_created",
    "user {user} cannot create {path}, because {folder} belongs to {owner}:{group} with mode {mode:04o}. Run `sudo "
    "install -d -o {user} {path}`",
)
PORT_GROUP_MISSING = Code(
    "port_group_missing",
    "user {user} is not in the group {group}, which owns {path}. Run `sudo usermod -aG {group} {user}`; it applies "
    "after the next login or restart of the service",
)
PORT_WITHOUT_GROUP = Code(
    "port_without_group",
    "user {user} cannot open {path}, which belongs to {owner}:{group} with mode {mode:04o}. A udev rule with "
    'GROUP="dialout", MODE="0660" corrects this',
)
PORT_NOT_PLUGGED_IN = Code(
    "port_not_plugged_in", "there is no such port on this computer at present: check the adapter and the name"
)
ACCESS_NOT_EXAMINED = Code(
    "access_not_examined", "this user cannot examine {path} ({error}); run `check` with sudo to examine it"
)

# Files with unusable content

PASSWORD_EMPTY = Code("password_empty", "{path} is empty; write the password into its first line")
CA_UNUSABLE = Code(
    "ca_unusable",
    "{path} has no certificate in PEM format ({error}); export the certificate of the authority as PEM",
)
CLIENT_CERTIFICATE_UNUSABLE = Code(
    "client_certificate_unusable",
    "certificate and key cannot be used ({error}). Both are PEM files, they belong together, and the key has no "
    "password",
)

# Brokers, outputs and buses

PORT_OF_TLS = Code(
    "port_of_tls", "8883 is the port for TLS; write mqtts://{host}:8883, or port 1883 for a broker without TLS"
)
PORT_WITHOUT_TLS = Code(
    "port_without_tls", "1883 is the port without TLS; write port 8883, or mqtt://{host}:1883 for a broker without TLS"
)
OUTPUT_LIBRARY_MISSING = Code(
    "output_library_missing",
    "the library {library} is not installed, so that this output is off. Run `pip install 'magwatt[{extra}]'`",
)
LISTEN_PORT_TAKEN = Code(
    "listen_port_taken",
    "port {port:d} is in use by another program. Stop it, or write another port, for example {host}:{other:d}",
)
LISTEN_ADDRESS_UNKNOWN = Code(
    "listen_address_unknown", "this computer cannot listen on {host}:{port:d} ({error}); write one of its addresses"
)
PROFILE_RTU_ONLY = Code(
    "profile_rtu_only",
    "the device has Modbus RTU only, but this bus uses Modbus TCP: right with a Modbus gateway. With a transparent "
    'converter write framing = "rtu" in [bus.{bus}]',
)
TRIP_NOT_SHOWN = Code(
    "trip_not_shown",
    "{profile} shows a trip neither by a fault code nor by a status word that is read: the alarm drive_fault is not "
    "observable",
)
PROFILE_TCP_ONLY = Code(
    "profile_tcp_only",
    "the device has Modbus TCP only, but this bus uses Modbus RTU. Write its address as tcp in a separate table "
    "[bus.NAME]",
)
TIME_ZONES_MISSING = Code(
    "time_zones_missing", "this computer has no time zone data, so that times are UTC; install the package tzdata"
)
