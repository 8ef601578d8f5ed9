"""Files of signed documents: {"s", "document", "signatures"}. White space in the file has no meaning.

A document is signed by its canonical bytes (agent.contract.canonical), so a mail program or an editor that changes the
layout of the file changes no signature.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from agent.contract import reasons as codes
from agent.contract.canonical import canonical, document_id
from agent.contract.signatures import SCHEMA as SIGNATURE
from agent.contract.signatures import PartySignature, signature_of
from agent.core.files import read_up_to, sync_directory
from drivers.file_reasons import FILE_UNWRITABLE
from drivers.reasons import InvalidValue, cause_of

SCHEMA = "magwatt.signed/1"
SIZE_MAX = 10_000_000  # a month of 30 motors that lists each interval has 5 MB


class SignedDocument(Struct, frozen=True):
    """A document with its signatures, which may be invalid: see agent.contract.plan_versions.

    id: identifier of the document.
    """

    document: Mapping[str, Any]
    id: str
    signatures: tuple[PartySignature, ...] = ()

    @property
    def type(self) -> str:
        """Format of the document."""
        return str(self.document.get("s"))


def unsigned(document: Mapping[str, Any]) -> SignedDocument:
    """A document without signatures. Raises InvalidValue when it cannot be signed."""
    return SignedDocument(document, document_id(document))


def read_document(path: Path) -> SignedDocument:
    """The signed document of a file; signatures are not verified. Raises InvalidValue."""
    return document_of(read_json(path), str(path))


def document_of(body: Any, place: str) -> SignedDocument:
    """The signed document of parsed JSON. place: file, for errors. Raises InvalidValue."""
    if not isinstance(body, dict) or not isinstance(body.get("s"), str):
        raise InvalidValue(codes.DOCUMENT_FORM_WRONG, path=place)
    check_format(place, body["s"], SCHEMA)
    if body.keys() != {"s", "document", "signatures"} or not isinstance(body["signatures"], list):
        raise InvalidValue(codes.DOCUMENT_FORM_WRONG, path=place)
    if not isinstance(body["document"], dict) or not isinstance(body["document"].get("s"), str):
        raise InvalidValue(codes.DOCUMENT_FORM_WRONG, path=place)
    for each in body["signatures"]:
        if isinstance(each, dict) and isinstance(each.get("s"), str) and _newer(each["s"], SIGNATURE):
            raise InvalidValue(codes.DOCUMENT_NEWER, path=place, found=each["s"], known=SIGNATURE)
    try:
        found = unsigned(body["document"])
        signatures = tuple(map(signature_of, body["signatures"]))
        canonical([each.statement() for each in signatures])  # raises for a text that cannot be signed
    except InvalidValue as error:
        raise InvalidValue(codes.DOCUMENT_NOT_JSON, path=place, error=error.reason) from None
    return SignedDocument(found.document, found.id, signatures)


def check_format(place: str, found: str, known: str) -> None:
    """Raises InvalidValue unless the format is the known one; for a later number of it with this cause."""
    if found == known:
        return
    if _newer(found, known):
        raise InvalidValue(codes.DOCUMENT_NEWER, path=place, found=found, known=known)
    raise InvalidValue(codes.DOCUMENT_FORM_WRONG, path=place)


def _newer(found: str, known: str) -> bool:
    """Whether a format is the known one with a later number."""
    name, _, number = known.partition("/")
    other, _, other_number = found.partition("/")
    return other == name and bool(re.fullmatch(r"\d{1,9}", other_number)) and int(other_number) > int(number)


def write_document(path: Path, signed: SignedDocument) -> None:
    """Replaces a file; a power failure leaves the old one or the new one. Raises InvalidValue."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(json.dumps(file_body(signed), ensure_ascii=False, indent=1) + "\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        sync_directory(path.absolute().parent)
    except OSError as error:
        raise InvalidValue(FILE_UNWRITABLE, path=str(path), error=cause_of(error)) from None


def file_body(signed: SignedDocument) -> dict[str, Any]:
    """The content of a file."""
    return {"s": SCHEMA, "document": signed.document, "signatures": [each.as_object() for each in signed.signatures]}


def read_json(path: Path) -> Any:
    """The JSON of a file, in which no key is there twice. Raises InvalidValue."""
    data = read_up_to(path, SIZE_MAX, codes.DOCUMENT_TOO_LARGE)
    try:
        return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_object)
    except InvalidValue as error:
        raise InvalidValue(codes.DOCUMENT_NOT_JSON, path=str(path), error=error.reason) from None
    except (ValueError, RecursionError) as error:
        raise InvalidValue(codes.DOCUMENT_NOT_JSON, path=str(path), error=cause_of(error)) from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise InvalidValue(codes.KEY_TWICE, key=next(key for key in keys if keys.count(key) > 1))
    return found
