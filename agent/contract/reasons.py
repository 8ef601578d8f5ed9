"""Codes of contract documents, keys, signatures, versions and amounts."""

from __future__ import annotations

from drivers.reasons import Code

# Documents

DOCUMENT_NOT_JSON = Code("document_not_json", "{path}: not a contract document ({error})")
DOCUMENT_FORM_WRONG = Code(
    "document_form_wrong", "{path}: not a signed document of magwatt; `magwatt contract sign` writes one"
)
DOCUMENT_NEWER = Code(
    "document_newer",
    "{path}: has format {found}, this version of magwatt knows {known}: install a newer version. Nothing was accepted",
)
DOCUMENT_TOO_LARGE = Code("document_too_large", "{path}: a contract document has at most {size_max_mb:g} MB")
KEY_TWICE = Code("key_twice", "the key {key:quoted} is there twice")
NUMBER_NOT_EXACT = Code(
    "number_not_exact",
    "{key}: numbers of a contract document are integers below 2^53, or decimal numbers in quotation marks",
)
TEXT_NOT_UNICODE = Code("text_not_unicode", "{key}: contains half of a character")
VALUE_KIND_WRONG = Code("value_kind_wrong", "{key}: a value of this kind cannot be signed")
NESTED_TOO_DEEPLY = Code("nested_too_deeply", "nested too deeply")

# Fields of a plan

DECIMAL_EXPECTED = Code(
    "decimal_expected", "expected a decimal number in quotation marks, from {low} to {high}, for example {example}"
)
VALUE_EMPTY = Code("value_empty", "is still empty")
VALUE_EMPTY_EXPECTED = Code("value_empty_expected", "is still empty; {expected}")
OPTIONAL_EMPTY = Code("optional_empty", "is still empty; delete the line if there is nothing to state")
CERTIFICATE_EMPTY = Code(
    "certificate_empty", "is still empty; delete the table [{table}] if there is no calibration certificate"
)
DATE_TEXT_EXPECTED = Code("date_text_expected", "expected a date such as 2026-10-01")
HASH_EXPECTED = Code("hash_expected", "expected a SHA-256 hash: 64 digits 0 to 9 and a to f")
PUBLIC_KEY_EXPECTED = Code(
    "public_key_expected", "expected a public key: the 64 digits that `magwatt contract key` prints"
)
TEXTS_EXPECTED = Code("texts_expected", "expected a table of names and texts")
PRICE_TABLE_EXPECTED = Code("price_table_expected", "expected a table of at least one price name and price")
PLAN_FORMAT_EXPECTED = Code("plan_format_expected", "expected {known:quoted}")
PARTIES_EXPECTED = Code("parties_expected", "a plan has two parties: {roles}")
PARTY_ROLE_UNKNOWN = Code("party_role_unknown", "unknown role; the roles are {roles}")
NO_PLAN_MOTOR = Code("no_plan_motor", "a plan has at least one motor")
PARTIES_SHARE_KEY = Code("parties_share_key", "both parties have the same key; each needs its own")
PARTY_HAS_GATEWAY_KEY = Code("party_has_gateway_key", "this is the key of the gateway; a party needs its own key")
FORMULA_NEEDS = Code("formula_needs", "missing; the formula {formula} needs it")
FORMULA_WITHOUT = Code("formula_without", "the formula {formula} does not use it; remove it")
FORMULA_ONE_PRICE = Code(
    "formula_one_price", "the formula {formula} gives one figure for the month: state one price, not {n:d}"
)
METHOD_NEEDS_BASELINE = Code("method_needs_baseline", "missing; the method {method} needs the hash of the baseline")
FORMULA_NEEDS_MODEL = Code("formula_needs_model", "the formula adjusted_baseline needs the method baseline_model")
SPAN_REVERSED = Code("span_reversed", "{first} is not before {second}")
PERIODS_OVERLAP = Code("periods_overlap", "the reporting period starts before the baseline period ends")
VERSION_WITHOUT_PREDECESSOR = Code(
    "version_without_predecessor", "version {version:d} must name the version that it replaces"
)
FIRST_VERSION_REPLACES = Code("first_version_replaces", "version 1 replaces nothing")

# What a person decides, and findings of a plan

TO_DECIDE = Code("to_decide", "{key}: to be decided by the parties")
CALIBRATION_MISSING = Code("calibration_missing", "{motor}: no calibration certificate of the {device:word} is stated")
CALIBRATION_EXPIRED = Code(
    "calibration_expired", "{motor}: certificate {number} of the {device:word} was valid until {until}"
)

# Keys of the parties

PASSPHRASE_EMPTY = Code(
    "passphrase_empty", "a key needs a passphrase, typed or in --passphrase-file; nothing was written"
)
PASSPHRASE_SHORT = Code("passphrase_short", "the passphrase has fewer than {least:d} characters; nothing was written")
PASSPHRASE_WRONG = Code("passphrase_wrong", "{path}: wrong passphrase")
KEY_WITHOUT_PASSPHRASE = Code(
    "key_without_passphrase",
    "{path}: this key has no passphrase: a copy of the file is sufficient to sign; make one with `magwatt contract "
    "key`",
)
NOT_A_PARTY_KEY = Code(
    "not_a_party_key", "{path}: not a private Ed25519 key in PEM format; `magwatt contract key` makes one"
)
KEY_EXISTS = Code("key_exists", "{path}: exists; a key is never overwritten")

# Signatures

KEY_OF_NO_PARTY = Code(
    "key_of_no_party", "key {fingerprint} belongs to no party of {title}; the keys of the parties are {known}"
)
SIGNED_ALREADY = Code(
    "signed_already",
    "{by} has signed this document already as {role:word}, with key {fingerprint}: another signature of this party is "
    "not needed",
)
CLOCK_IN_PAST = Code(
    "clock_in_past",
    "the clock of this computer shows {now_ms:local}, but the document or its plan was drafted at {known_ms:local}: "
    "either this clock is slow, or that of the computer that drafted it was fast. Correct the wrong one; if it is "
    "the other, draft again. Nothing was signed",
)
CLOCK_BEFORE_SIGNATURE = Code(
    "clock_before_signature",
    "the clock of this computer shows {now_ms:local}, but the signature of {by} ({role:word}) is dated "
    "{signed_ms:local}: either this clock is slow, or that of {by} was fast. Correct the wrong one; if it is the "
    "other, {by} signs again. Nothing was signed",
)
SIGNATURE_FORM_WRONG = Code("signature_form_wrong", "a signature is incomplete or has unknown fields")
SIGNATURE_INVALID = Code(
    "signature_invalid", "the signature of {by} ({role:word}) does not match: document or signature was changed"
)
SIGNATURE_OF_OTHER_DOCUMENT = Code(
    "signature_of_other_document", "the signature of {by} ({role:word}) belongs to another document or version"
)
SIGNATURE_KEY_WRONG = Code(
    "signature_key_wrong", "{by} signed as {role:word} with key {fingerprint}, which is not the key of this party"
)
SIGNED_BEFORE_DRAFT = Code(
    "signed_before_draft",
    "the signature of {by} is dated {signed_ms:local}, before the document was drafted on {drafted_ms:local}: the "
    "clock of the signer's computer was wrong. The document must be signed again",
)
SIGNED_BEFORE_PLAN = Code(
    "signed_before_plan",
    "the signature of {by} ({role:word}) is dated {signed_ms:local}, before the plan was drafted or signed last, on "
    "{plan_ms:local}: one of the two clocks was wrong. The document must be signed again",
)
SIGNED_IN_FUTURE = Code(
    "signed_in_future", "the signature of {by} is dated {signed_ms:local}, in the future of this computer"
)
SIGNATURE_TWICE = Code("signature_twice", "key {fingerprint} signed this document twice")

# Versions

PLAN_NOT_SIGNED = Code("plan_not_signed", "version {version:d} of {contract} is not in force: it has no signature")
PLAN_SIGNED_BY_ONE = Code(
    "plan_signed_by_one",
    "version {version:d} of {contract} is not in force: the signature of {missing:word} is missing",
)
PLAN_REPLACED_MISSING = Code(
    "plan_replaced_missing", "version {version:d} of {contract} replaces {replaced}, which is not among the files"
)
PLAN_VERSION_WRONG = Code(
    "plan_version_wrong", "version {version:d} of {contract} replaces version {replaced_version:d}"
)
PLAN_CONTRACT_CHANGED = Code("plan_contract_changed", "{contract} replaces a plan of another contract, {other}")
PLANS_OVERLAP = Code(
    "plans_overlap",
    "two plans for {motor} are in force on {day}: version {first_version:d} of {first} ({first_id}) and version "
    "{second_version:d} of {second} ({second_id}). Nothing is settled until one replaces the other",
)
PLAN_EARLIER_THAN_REPLACED = Code(
    "plan_earlier_than_replaced",
    "version {version:d} of {contract} applies from {day}, before the version that it replaces",
)
DRAFTED_BEFORE_REPLACED = Code(
    "drafted_before_replaced",
    "version {version:d} of {contract} is dated {drafted_ms:local}, before the version that it replaces "
    "({replaced_ms:local}): the clock of the computer that drafted it was wrong",
)
OLD_KEY_NOT_SIGNED = Code(
    "old_key_not_signed",
    "version {version:d} of {contract} changes the key of {role:word}; the former key {fingerprint} must sign it, too",
)
NO_PLAN_FOR_DAY = Code("no_plan_for_day", "no signed plan applies to {motor} on {day}")

PLAN_OF_OTHER_GATEWAY = Code("plan_of_other_gateway", "the plan is that of gateway {gateway}; this is gateway {own}")
PLAN_NAMES_OTHER_KEY = Code(
    "plan_names_other_key", "the plan names ledger key {key}…, but this gateway signs with {own}…; nothing was recorded"
)

# Amounts

NO_SHARE_FOR_YEAR = Code("no_share_for_year", "the plan states no share for year {year:d} of the sharing period")
BEFORE_SHARING = Code("before_sharing", "{day} is before the sharing period, which starts on {first}")
PRICE_NOT_IN_PLAN = Code("price_not_in_plan", "the plan states no price {price:quoted}")
FIGURE_MISSING = Code("figure_missing", "{motor}: the formula {formula} needs {figure:word}, which was not measured")
MOTOR_WITHOUT_FIGURES = Code("motor_without_figures", "{motor}: no figures of {month}")
BASELINE_NOT_OF_PLAN = Code(
    "baseline_not_of_plan", "{motor}: the baseline in force is {found}, the plan names {expected}"
)
MONTH_PARTLY_COVERED = Code(
    "month_partly_covered", "the plan applies from {first} to {last}, which does not contain all of {month}"
)

# Months

MONTH_FORM_WRONG = Code("month_form_wrong", "{path}: not a month of a contract ({error})")
MONTH_REVISION_WRONG = Code(
    "month_revision_wrong",
    "{path}: revision {revision:d} of a month; from revision 2 on, and only then, it names the one before and a reason",
)
PLAN_OF_MONTH_MISSING = Code(
    "plan_of_month_missing",
    "{path}: the month follows plan {plan} of {contract}; none of the given plans is that one: name its file, too",
)
MONTH_NOT_OF_PLAN = Code(
    "month_not_of_plan", "{month} is not a month of this plan: {key} is {found}, the plan has {expected}"
)
MONTH_BOUNDS_WRONG = Code(
    "month_bounds_wrong",
    "{month} is by the plan the time from {from_ms:local} to {to_ms:local}; the document has another",
)
MONTH_ISSUED_EARLY = Code(
    "month_issued_early", "{month} was issued at {drafted_ms:local}, before it ended at {to_ms:local}"
)
MONTH_PART_WRONG = Code("month_part_wrong", "{month}: {key} of {motor} do not fit the month or its energies")
MONTH_FIGURE_WRONG = Code(
    "month_figure_wrong", "{month}: {key:word} is {found}; by the plan and the energies it is {expected}"
)
MONTH_NOT_ISSUED = Code("month_not_issued", "{month} has no signature of gateway {gateway}, which issues a month")
MONTH_OF_OTHER_VERSION = Code(
    "month_of_other_version", "{month}: another version of the plan applies to {motor} on {day}"
)
MONTH_REVISION_TWICE = Code(
    "month_revision_twice", "there are two documents of revision {revision:d} of {month}; nothing is settled"
)
MONTH_REPLACED_MISSING = Code(
    "month_replaced_missing", "revision {revision:d} of {month} replaces {replaced}, which is not at hand"
)
MONTH_REPLACES_OTHER = Code(
    "month_replaces_other", "revision {revision:d} of {month} replaces {replaced}, which is not the revision before"
)
MONTH_ISSUED_BEFORE_REPLACED = Code(
    "month_issued_before_replaced",
    "revision {revision:d} of {month} is dated {drafted_ms:local}, before the one that it replaces "
    "({replaced_ms:local}): the clock of the gateway was wrong",
)

PLAN_WITHOUT_GATEWAY_KEY = Code(
    "plan_without_gateway_key",
    "the plan of {contract} does not name the key of the ledger, so that no month can be issued: a new version must "
    "state project.gateway_key",
)
MONTH_NOT_IN_LEDGER = Code(
    "month_not_in_ledger", "revision {revision:d} of {month} is not in this ledger: this gateway did not issue it"
)
MONTH_REPLACED = Code(
    "month_replaced", "revision {revision:d} of {month} was corrected: sign and record revision {by:d} instead"
)
MONTH_ISSUED_ALREADY = Code(
    "month_issued_already",
    "revision {revision:d} of {month} was issued before: a correction needs --reason and becomes revision {next:d}",
)
MONTH_SETTLED_ALREADY = Code(
    "month_settled_already",
    "revision {revision:d} of {month} is settled: a correction needs --reason, becomes revision {next:d} and counts "
    "when both parties have signed it",
)
NOTHING_TO_CORRECT = Code("nothing_to_correct", "{month} was not issued yet, so that there is nothing to correct")
NO_PLAN_FOR_MONTH = Code(
    "no_plan_for_month",
    "the ledger has no plan that applies to {month}; `magwatt contract record` records a signed one",
)
SEVERAL_CONTRACTS = Code("several_contracts", "{month} has several contracts, {contracts}: choose one with --contract")
MONTH_NOT_RECORDED = Code(
    "month_not_recorded",
    "{month} cannot be issued: {n:d} {n:interval|intervals} of {motor} are not in the ledger with their energy",
)
INTERVALS_AFTER_ISSUE = Code(
    "intervals_after_issue", "{month}: {n:d} {n:interval|intervals} of {motor} were recorded after it was issued"
)
DECISION_AFTER_ISSUE = Code(
    "decision_after_issue", "{month}: event {number:d} of {motor} was decided after it was issued"
)

# Bundles

BUNDLE_EMPTY = Code("bundle_empty", "the ledger has no records of {motors} in {month}")
BUNDLE_WITHOUT_PUBLIC_KEY = Code(
    "bundle_without_public_key",
    "the records of {month} are signed with the HMAC key of an earlier version, which only its owner can verify",
)
