"""Babel extraction of texts in tables: the values of keys that the mapping in pyproject.toml names."""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Iterator, Mapping
from typing import IO


def extract(
    file: IO[bytes], _keywords: Collection[str], _tags: Collection[str], options: Mapping[str, str]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """Line number and text of each `key = "text"`; the key is one of the option `keys`, separated by spaces."""
    keys = options["keys"].split()
    for number, line in enumerate(file.read().decode().splitlines(), 1):
        key = line.partition(" = ")[0]
        if key in keys:
            yield number, None, tomllib.loads(line)[key], []
