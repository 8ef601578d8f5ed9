"""Codes of the problems of register maps (drivers/profiles).

Fields: file is the file, or the identifier of a profile of the product. place is the table and the key. value is the
rejected value as Python shows it.
"""

from __future__ import annotations

from drivers.reasons import Code

# A map that cannot be used

PROFILE_INVALID = Code("profile_invalid", "{problems:lines}")
PROFILE_PROBLEM = Code("profile_problem", "{file}: {place}: {cause}")
PROFILE_UNKNOWN = Code("profile_unknown", "{profile}: no such profile; `magwatt profiles` lists them")

# Files and directories

PROFILE_FOLDER_MISSING = Code("profile_folder_missing", "{path}: no such directory of profiles")
PROFILE_FILE_NOT_TOML = Code("profile_file_not_toml", "{path}: {cause}")
PROFILE_ID_DUPLICATE = Code(
    "profile_id_duplicate", "{path}: the ID {profile:quoted} is already used by {other}; remove one of the files"
)

# `extends` and `remove`

REMOVE_WITHOUT_EXTENDS = Code("remove_without_extends", "only valid with extends")
REMOVE_UNKNOWN = Code("remove_unknown", "{profile} has no register {register:quoted}")
EXTENDS_CIRCULAR = Code("extends_circular", "circular reference; profiles in their order: {profiles}")
PROFILE_ID_EXPECTED = Code("profile_id_expected", "expected the id of a profile, found {value}")
REGISTER_NAMES_EXPECTED = Code("register_names_expected", "expected a list of register names, found {value}")
REGISTER_TABLES_EXPECTED = Code("register_tables_expected", "expected [[register]], found {value}")

# Keys and types

PROFILE_STRING = Code("profile_string", "expected a string, found {value}")
PROFILE_INTEGER = Code("profile_integer", "expected an integer, found {value}")
PROFILE_NUMBER = Code("profile_number", "expected 0 or a number of magnitude 1e-12 to 1e12, found {value}")
PROFILE_BOOLEAN = Code("profile_boolean", "expected true or false, found {value}")
PROFILE_LIST = Code("profile_list", "expected a list, found {value}")
PROFILE_TABLE = Code("profile_table", "expected a table, found {value}")
PROFILE_STRINGS = Code("profile_strings", "expected a list of strings, found {value}")
PROFILE_INTEGERS = Code("profile_integers", "expected a list of integers, found {value}")

# Values

PROFILE_CHOICE = Code("profile_choice", "expected one of {allowed}, found {value}")
PROFILE_LIMITS = Code("profile_limits", "expected {low:d}…{high:d}, found {value}")
QUANTITY_UNKNOWN = Code("quantity_unknown", "not in the vocabulary")
HARMONICS_UNKNOWN = Code("harmonics_unknown", "not a harmonics quantity of the vocabulary")
QUANTITY_UNIT = Code("quantity_unit", "expected {unit:quoted} as in the vocabulary, found {value}")
REGISTER_UNKNOWN = Code("register_unknown", "no such register")
BIT_NUMBERS_EXPECTED = Code("bit_numbers_expected", "expected a table with bit numbers 0…63 as keys")
TRIP_EXPECTED = Code("trip_expected", "expected either bits 0…31 or values of the register that show a trip")
FAULT_CODE_EXPECTED = Code("fault_code_expected", "expected an integer as key, found {value}")

# Registers and blocks

PROFILE_WITHOUT_REGISTERS = Code("profile_without_registers", "missing; a profile needs at least one [[register]]")
REGISTER_COUNT = Code("register_count", "only valid for strings, and at least 1")
REGISTER_ADDRESS = Code("register_address", "{first:d}…{last:d} is not in 0…65535")
REGISTER_TOO_LONG = Code("register_too_long", "the value needs {n:d} registers; max_registers is {n_max:d}")
IDENTIFY_ADDRESS = Code("identify_address", "address {address} with type {type:quoted} is not a valid register")
BLOCK_ADDRESS = Code("block_address", "{n:d} values of type {type} from address {address:d} are not a valid block")
PARTS_COMBINED = Code("parts_combined", "cannot be combined with {keys}")
PARTS_INCOMPLETE = Code("parts_incomplete", "each part needs an address and a scale that is not 0")
PARTS_TOO_FEW = Code("parts_too_few", "at least two are required")
SCALE_NUMBER = Code("scale_number", "expected a finite number that is not 0, found {value}")
INTEGER_TYPE_REQUIRED = Code("integer_type_required", "valid for integer types only, not for {type}")
UNSIGNED_EXPECTED = Code("unsigned_expected", "expected unsigned integers of {bits:d} bits, found {value}")
MASK_ZERO = Code("mask_zero", "must not be 0")
PLAUSIBLE_LIMITS = Code("plausible_limits", "expected [low, high] with low < high")
RATING_ENTRY = Code("rating_entry", "each entry needs a scale and, except the last, up_to_kw")
RATING_NUMBERS = Code("rating_numbers", "up_to_kw and scale must be numbers, and scale must not be 0")
RATING_LAST = Code("rating_last", "the last entry must not have up_to_kw")
RATING_ORDER = Code("rating_order", "up_to_kw must increase")

# Values of DL/T 645

METER_KEY_NOT_ALLOWED = Code(
    "meter_key_not_allowed", "not valid with dialect dlt645, whose registers have di and format"
)
DATA_IDENTIFIER_EXPECTED = Code(
    "data_identifier_expected",
    "expected DI3 DI2 DI1 DI0 of a single value as 8 hexadecimal digits in capitals, not of a block (DI1 = FF), found "
    "{value}",
)
VALUE_FORMAT_EXPECTED = Code(
    "value_format_expected",
    "expected 4, 6 or 8 digits such as XX.XXXX, 12 digits without a point, or text and an even number of bytes such as "
    "text10, found {value}",
)

# Values of a data block of a PLC

PLC_KEY_NOT_ALLOWED = Code(
    "plc_key_not_allowed", "not valid with dialect s7, whose registers have byte, type and, for BOOL, bit"
)
PLC_TYPE_EXPECTED = Code(
    "plc_type_expected",
    "expected a type of STEP 7 that is a number of a fixed size: {types}; found {value}. Texts and times of day are "
    "not read",
)
PLC_BYTE_ODD = Code("plc_byte_odd", "{type} begins at an even byte in a data block without optimized access")
PLC_BIT_EXPECTED = Code("plc_bit_expected", "expected bit = 0 to 7 for BOOL, and for no other type")

# Between registers

REGISTER_TWICE = Code("register_twice", "defined twice")
SCALE_REGISTER_MISSING = Code(
    "scale_register_missing",
    "scale_from.address {address:d} cannot be read in the same request, and no separate [[register]] defines it",
)
PARTS_WITH_GAP = Code("parts_with_gap", "there is a gap between the parts, which the device may reject")
REGISTER_OVERLAP = Code("register_overlap", "overlaps with {other} at address {address:d}")
