"""The numbers of the motors, which determine their registers: one topic per line, the first motor is in line 1.

A new motor is added at the end. The line of a motor that is gone stays, so that the others keep their registers.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from agent.core.files import give_owner_of_folder, sync_directory
from agent.northbound.base.reasons import MOTORS_TOO_MANY, NUMBERS_INVALID, NUMBERS_UNUSABLE
from drivers.reasons import InvalidValue, Reason, cause_of

FILE_NAME = "modbus-motors"
MOTORS_MAX = 1091  # 60 registers for each and for number 0 in 65536


class MotorNumbers:
    """path: of the file, which need not exist. `topics` are in the order of the numbers.

    Raises InvalidValue if the file cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.topics: list[str] = []
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidValue(NUMBERS_UNUSABLE(path=str(path), error=cause_of(error))) from None
        for number, line in enumerate(text.splitlines(), 1):
            topic = line.strip()
            if topic.count("/") < 1 or topic in self.topics or not topic.isprintable():
                raise InvalidValue(NUMBERS_INVALID(path=str(path), line=number, text=topic[:100]))
            self.topics.append(topic)

    def __iter__(self) -> Iterator[tuple[int, str]]:
        """Number and topic."""
        return iter(enumerate(self.topics, 1))

    def add(self, topics: Iterable[str]) -> Reason | None:
        """Appends those that have no number. Why one got none; None: each has one."""
        for topic in topics:
            if topic in self.topics:
                continue
            if len(self.topics) >= MOTORS_MAX:
                return MOTORS_TOO_MANY(topic=topic, n_max=MOTORS_MAX)
            self.topics.append(topic)
        return None

    def save(self) -> None:
        """Replaces the file by one that a power failure leaves complete. Raises InvalidValue."""
        text, new = "".join(f"{topic}\n" for topic in self.topics), self.path.with_name(f".{self.path.name}.new")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with new.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            give_owner_of_folder(new)
            new.replace(self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            raise InvalidValue(NUMBERS_UNUSABLE(path=str(self.path), error=cause_of(error))) from None
