"""Codes of reading a digital calibration certificate: why a file cannot be used, and what an engineer must check."""

from __future__ import annotations

from agent.core.text import N_
from drivers.reasons import Code

UNIT_KINDS = (N_("relative"), N_("angle"))

# Files that cannot be used

XML_INVALID = Code("xml_invalid", "not valid XML: {error}")
DCC_UNUSABLE = Code("dcc_unusable", "{path}: {cause}")
XML_TOO_LARGE = Code("xml_too_large", "{path}: the file has more than {size_max_mb:g} MB")
XML_DOCTYPE = Code(
    "xml_doctype",
    "contains a document type (<!DOCTYPE …>), which a calibration certificate never has and which may contain entities "
    "of any size; it is not read",
)
XML_TOO_COMPLEX = Code("xml_too_complex", "more than {elements_max:d} elements, or nested deeper than {levels_max:d}")
DCC_EXPECTED = Code(
    "dcc_expected",
    "not a digital calibration certificate: the root element is {name:quoted}; expected digitalCalibrationCertificate "
    "of {namespace}",
)
DCC_VERSION_UNKNOWN = Code(
    "dcc_version_unknown", "schema version {version:quoted}: this program reads versions {known} of the schema"
)
DCC_WITHOUT = Code("dcc_without", "without {element}, which each certificate must have")
DCC_DATE = Code("dcc_date", "{element}: {text:quoted} is not a date")

# What an engineer must check

OTHER_SERIAL_NUMBER = Code(
    "dcc_other_serial_number",
    "the certificate is of serial number {stated}, and meter.{meter}.serial_number is {configured}: it is of another "
    "meter",
)
SERIAL_NUMBER_NOT_CONFIGURED = Code(
    "dcc_serial_number_not_configured", "meter.{meter}.serial_number is missing; compare {stated} with the label"
)
SERIAL_NUMBER_MISSING = Code(
    "dcc_serial_number_missing",
    "the certificate states no serial number of the manufacturer; compare the meter",
)
SEVERAL_ITEMS = Code(
    "dcc_several_items",
    "the certificate is of {n:d} items, and does not state which result belongs to which: no limit is taken from it",
)
ITEMS_OF_TRANSFORMERS = Code(
    "dcc_items_of_transformers", "the results of all {n:d} items count for the limit of the transformers"
)
EXPIRED = Code("dcc_expired", "valid until {until}, before today ({today})")
VALIDITY_MISSING = Code(
    "dcc_validity_missing",
    "the certificate states no day of recalibration; agree on one, and state it with --valid-until",
)
VALIDITY_BEFORE_ISSUE = Code("dcc_validity_before_issue", "valid until {until}, before the day of issue ({issued})")
NO_ERRORS = Code(
    "dcc_no_errors",
    "the certificate has no measurement errors that a program can read (quantities of type {type}); the class stays",
)
SEVERAL_RESULTS = Code(
    "dcc_several_results",
    "the certificate has {n:d} results; choose those of the measured energy with --result (repeatable): {results}",
)
RESULT_UNKNOWN = Code("dcc_result_unknown", "--result {number:d}: the certificate has results 1 to {n:d}")
RESULT_NAMED = Code("dcc_result_named", "{number:d} {name:quoted}")
RESULT_UNUSABLE = Code("dcc_result_unusable", "result {number:d} {name:quoted}: {cause}; no limit is taken from it")
UNCERTAINTY_MISSING = Code("dcc_uncertainty_missing", "its errors have no uncertainty with a coverage factor")
FORM_UNKNOWN = Code("dcc_form_unknown", "its errors are in the form {form}; expected real or realListXMLList")
UNIT_UNKNOWN = Code("dcc_unit_unknown", "the unit {unit} is no relative error and no angle")
NUMBERS_INVALID = Code("dcc_numbers_invalid", "the numbers of errors, units and uncertainties do not match")
KIND_MISSING = Code("dcc_kind_missing", "it has no {kind:word} errors")
LIMIT_TOO_WIDE = Code("dcc_limit_too_wide", "the limit of {limit_pct:.3g} % is outside the range of the configuration")
LIMIT_EXCEEDS_CLASS = Code(
    "dcc_limit_exceeds_class",
    "error and uncertainty together reach {limit_pct:.3g} %, more than the {class_pct:g} % of class {accuracy_class}: "
    "it is not shown that the meter meets its class",
)
