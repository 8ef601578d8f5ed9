"""Finds profiles: those of the product, and those in directories of the user, which add or replace models."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from drivers import profile_reasons as codes
from drivers.errors import ProfileError
from drivers.file_reasons import FILE_UNREADABLE, KEY_MISSING, with_suggestion
from drivers.profiles.model import Profile
from drivers.profiles.profile_parser import parse_profile
from drivers.profiles.register_parser import NOT_WITH_PARTS
from drivers.profiles.toml_checks import Problem, profile_error
from drivers.reasons import Reason, cause_of
from drivers.toml_file import TomlError, parse_toml, read_limited

Raw = Mapping[str, Any]
_folders: tuple[Path, ...] = ()


def set_profile_folders(paths: Iterable[Path]) -> None:
    """Sets the directories with the user's profiles. They are searched recursively when a profile is next loaded.

    A file adds a model, or replaces the model of the product with the same identifier. The identifier is `device.id`,
    or that of `extends`.
    """
    global _folders
    before, _folders = _folders, tuple(paths)
    if not before and not _folders:
        return
    for cached in (_user_profiles, profile_ids, load_profile):
        cached.cache_clear()


@cache
def profile_ids() -> tuple[str, ...]:
    """All models, as vendor/model. Raises ProfileError if a directory of the user or a file in it cannot be read."""
    return tuple(sorted({*_product_profiles(), *_user_profiles()}))


@cache
def load_profile(profile_id: str) -> Profile:
    """The profile `vendor/model`. Raises ProfileError with the most similar model."""
    if profile_id not in profile_ids():
        raise ProfileError(_unknown(profile_id))
    if profile_id in _user_profiles():
        path, raw = _user_profiles()[profile_id]
        return parse_profile(_extended(raw, str(path), (profile_id,)), str(path))
    return parse_profile(_product_profiles()[profile_id](), profile_id)


def load_file(path: Path) -> Profile:
    """The profile in one file of any directory; resolves `extends`. Raises ProfileError."""
    raw = _read(path)
    return parse_profile(_extended(raw, str(path), (_id_of(raw),)), str(path))


@cache
def _product_profiles() -> dict[str, Callable[[], Raw]]:
    files = Path(__file__).parent.glob("*/*.toml")
    return {f"{file.parent.name}/{file.stem}": partial(_read, file) for file in files}


@cache
def _user_profiles() -> dict[str, tuple[Path, Raw]]:
    found: dict[str, tuple[Path, Raw]] = {}
    problems: list[Reason] = []
    for folder in _folders:
        try:
            if not folder.is_dir():
                problems.append(codes.PROFILE_FOLDER_MISSING(path=str(folder)))
                continue
            paths = _files(folder)
        except OSError as error:
            named = str(error.filename or folder)
            problems.append(FILE_UNREADABLE(path=named, error=cause_of(error)))
            continue
        for path in paths:
            try:
                raw = _read(path)
            except ProfileError as error:
                problems += error.problems
                continue
            profile_id = _id_of(raw)
            if not profile_id:
                problems += _error(str(path), "device.id", KEY_MISSING()).problems
            elif profile_id in found:
                other = str(found[profile_id][0])
                problems.append(codes.PROFILE_ID_DUPLICATE(path=str(path), profile=profile_id, other=other))
            else:
                found[profile_id] = path, raw
    if problems:
        raise ProfileError(codes.PROFILE_INVALID, problems=tuple(problems))
    return found


def _files(folder: Path) -> list[Path]:
    """All TOML files below a directory. Raises OSError for a directory without read permission, unlike rglob."""

    def fail(error: OSError) -> None:
        raise error

    walk = os.walk(folder, onerror=fail)
    return sorted(Path(where) / name for where, _, names in walk for name in names if name.endswith(".toml"))


def _read(path: Path) -> Raw:
    try:
        return parse_toml(read_limited(path))
    except OSError as error:
        raise ProfileError(FILE_UNREADABLE, path=str(path), error=cause_of(error)) from None
    except TomlError as error:
        if error.key and error.syntax is None:
            raise _error(str(path), error.key, error.located) from None
        raise ProfileError(codes.PROFILE_FILE_NOT_TOML, path=str(path), cause=error.located) from None


def _id_of(raw: Raw) -> str:
    device = raw.get("device")
    own = device.get("id") if isinstance(device, dict) else None
    return str(own or raw.get("extends") or "")


def _extended(raw: Raw, source: str, chain: tuple[str, ...]) -> Raw:
    """The tables, merged into those of the profile that they extend. chain: identifiers already extended."""
    if "extends" not in raw:
        if "remove" in raw:
            raise _error(source, "remove", codes.REMOVE_WITHOUT_EXTENDS())
        return raw
    parent_id = raw["extends"]
    if not isinstance(parent_id, str):
        raise _error(source, "extends", codes.PROFILE_ID_EXPECTED(value=repr(parent_id)))
    own = _user_profiles().get(parent_id)
    if own and parent_id not in chain:
        parent = _extended(own[1], str(own[0]), (*chain, parent_id))
    elif parent_id in _product_profiles() and (parent_id not in chain or chain[-1] == parent_id):
        parent = _product_profiles()[parent_id]()
    elif parent_id in chain:
        raise _error(source, "extends", codes.EXTENDS_CIRCULAR(profiles=(*chain, parent_id)))
    else:
        raise _error(source, "extends", _unknown(parent_id))
    return _merged(parent, raw, source)


def _merged(parent: Raw, own: Raw, source: str) -> Raw:
    """Merges tables by key and registers by name; adds sources, replaces other lists."""
    removed, changed = own.get("remove", []), own.get("register", [])
    if not isinstance(removed, list) or not all(isinstance(name, str) for name in removed):
        raise _error(source, "remove", codes.REGISTER_NAMES_EXPECTED(value=repr(removed)))
    if not isinstance(changed, list):
        raise _error(source, "register", codes.REGISTER_TABLES_EXPECTED(value=repr(changed)))
    rows = {str(row.get("name")): row for row in parent.get("register", []) if isinstance(row, dict)}
    if unknown := [name for name in removed if name not in rows]:
        causes = (codes.REMOVE_UNKNOWN(profile=own["extends"], register=name) for name in unknown)
        raise _error(source, "remove", *causes)
    rows = {name: row for name, row in rows.items() if name not in removed}
    added = []
    for row in changed:
        name = row.get("name") if isinstance(row, dict) else None
        if isinstance(name, str) and name in rows:
            rows[name] = _with(rows[name], row)
        else:
            added.append(row)
    merged: dict[str, Any] = {**parent}
    for key, value in own.items():
        if key in ("extends", "remove", "register"):
            continue
        if isinstance(value, dict) and isinstance(parent.get(key), dict):
            merged[key] = {**parent[key], **value}
        elif key == "source" and isinstance(value, list):
            merged[key] = [*parent.get(key, []), *value]
        else:
            merged[key] = value
    if isinstance(merged.get("bits"), dict):
        merged["bits"] = {name: table for name, table in merged["bits"].items() if name not in removed}
    if isinstance(merged.get("faults"), dict) and merged["faults"].get("of") in removed:
        merged["faults"] = {key: value for key, value in merged["faults"].items() if key != "of"}
    if isinstance(merged.get("trip"), dict) and merged["trip"].get("of") in removed:
        del merged["trip"]
    return {**merged, "register": [*rows.values(), *added]}


def _with(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A register with the keys of `new`. A new address or scale replaces all keys that describe the old one."""
    replaced: set[str] = set()
    if "parts" in new:
        replaced |= {"parts", *NOT_WITH_PARTS}
    if "address" in new:
        replaced |= {"parts"}
    if "scale" in new:
        replaced |= {"scale_by_rating", "scale_from", "scale_doubt"}
    return {**{key: value for key, value in old.items() if key not in replaced}, **new}


def _unknown(profile_id: str) -> Reason:
    return with_suggestion(codes.PROFILE_UNKNOWN(profile=profile_id), profile_id, profile_ids())


def _error(file: str, place: str, *causes: Reason) -> ProfileError:
    return profile_error(file, [Problem(place, cause) for cause in causes])
