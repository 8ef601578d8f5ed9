"""Codes of the servers for the systems above."""

from __future__ import annotations

from drivers.reasons import Code

NO_CONTACT = Code("north_no_contact", "no live values: {cause}. Clients get quality bad until the contact is restored")
CONTACT_RESTORED = Code("north_contact_restored", "live values arrive again")
NUMBERS_UNUSABLE = Code(
    "north_numbers_unusable",
    "{path}: the numbers of the motors cannot be stored: {error}. Without them a motor would change its registers. "
    "Name another file with --numbers",
)
NUMBERS_INVALID = Code(
    "north_numbers_invalid",
    "{path}:{line:d}: {text:quoted} is not the topic of a motor, or is in this file twice. Correct the line; its "
    "number is that of the motor",
)
MOTORS_TOO_MANY = Code(
    "north_motors_too_many", "{topic} gets no registers: {n_max:d} motors have a number, which is the most possible"
)
OPEN_TO_NETWORK = Code(
    "north_open_to_network",
    "{host} can be reached from other computers, and Modbus has no login: everyone who reaches port {port:d} can read "
    "all values. Let a firewall admit only the clients",
)
FUNCTION_REJECTED = Code(
    "north_function_rejected",
    "{client}: function {function:d} was rejected with exception 1: this server has input registers only (function 4), "
    "and nothing can be written",
)
CLIENT_SLOW = Code("north_client_slow", "{client} does not read its responses, and was disconnected after {wait_s:g} s")
CLIENTS_TOO_MANY = Code("north_clients_too_many", "{client} was rejected: {n_max:d} clients are connected already")
NOT_MODBUS = Code("north_not_modbus", "{client} was disconnected: what it sends is not Modbus TCP")
OPCUA_LIBRARY_MISSING = Code(
    "opcua_library_missing",
    "the OPC UA server needs libraries that are not installed; install them with `pip install 'magwatt[opcua]'`",
)
OPCUA_WITHOUT_PASSWORD = Code(
    "opcua_without_password",
    "{path}: no such file. There is no anonymous access: set the password of the clients with "
    "`magwatt opcua --set-password`",
)
OPCUA_LOGIN_REJECTED = Code(
    "opcua_login_rejected",
    "a client was rejected: wrong user or password, a channel that is not encrypted, or more than 5 wrong passwords "
    "within a minute",
)
OPCUA_SERVICE_REJECTED = Code(
    "opcua_service_rejected",
    "a client requested something else than reading, browsing and subscribing, and was rejected: nothing can be "
    "written. Further rejections are not logged",
)
OPCUA_CERTIFICATE_UNKNOWN = Code(
    "opcua_certificate_unknown",
    "{name}: the certificate of this client is not in the folder of --trusted; copy it there and restart the server",
)
OPCUA_TRUST_UNUSABLE = Code("opcua_trust_unusable", "--trusted {path}: {error}")
OPCUA_CERTIFICATE_UNUSABLE = Code(
    "opcua_certificate_unusable",
    "{path}: certificate.pem and key.pem cannot be used: {error}. Delete both, and new ones are made; clients must "
    "trust them again",
)
OPCUA_CERTIFICATE_ENDS = Code(
    "opcua_certificate_ends",
    "{path} ends in {days:d} days. Delete it and key.pem, and new ones are made at the next start; clients must trust "
    "them again",
)
