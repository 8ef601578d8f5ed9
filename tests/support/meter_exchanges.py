"""Exchanges with a meter on a poor line, on virtual time, in which each value proves of which request it is."""

from __future__ import annotations

from collections import Counter
from random import Random

from support.meter_line import MetersOnLine
from support.timed_line import finished

from drivers.dlt645_link import Dlt645Link
from drivers.errors import DriverError, ForeignMasterActive, ResponseQuarantined
from drivers.framing import Request
from simulators.bus.meter_station import MeterLine, MeterNoise
from simulators.devices.energy_meter import EnergyMeter

ENERGY, VOLTAGES = 0x00010000, 0x0201FF00
UNIT, ADDRESS = 161, "000000000161"
NOT_INTACT = ("truncated", "damaged", "lost")  # these faults leave no response that could be used


class CountingMeter(EnergyMeter):
    """Each value that it sends is different: the energy is the number of the request, in kWh."""

    def __init__(self, address: str = ADDRESS, **keys: object) -> None:
        super().__init__(address, self._next, **keys)  # type: ignore[arg-type]
        self.count = 0

    def _next(self) -> dict[str, float]:
        self.count += 1
        of_phases = {f"voltage_l{k}n": self.count % 900 + k / 10 for k in (1, 2, 3)}
        return {"energy_import": float(self.count), **of_phases}


def read(link: Dlt645Link, identifier: int, unit: int = UNIT, tries: int = 3) -> bytes:
    return finished(link.read_block(Request(unit, 0x11, identifier, 0), 1.0, 0.02, tries=tries))


def digits(data: bytes) -> int:
    return int(data[::-1].hex())


def exchanged(exchanges: int, seed: int, baud: int, noise: MeterNoise) -> tuple[Counter[str], set[int]]:
    """Outcomes of calls on a poor line, and the control codes that were sent.

    wrong: the request of the value was sent before the call began. responded: an intact response was sent in the call;
    recovered: of those, the calls that returned it.
    """
    meter = CountingMeter()
    responses = MeterLine(meter, Random(seed), noise)
    line, found = MetersOnLine([responses], baud=baud), Counter[str]()
    with line.link() as link:
        for n in range(exchanges):
            before, intact = meter.count, _intact(responses)
            outcome = _outcome(link, meter, (ENERGY, VOLTAGES)[n % 2], before)
            found[outcome] += 1
            if _intact(responses) > intact:
                found["responded"] += 1
                found["recovered"] += outcome == "right"
    return found, line.controls


def _outcome(link: Dlt645Link, meter: CountingMeter, identifier: int, before: int) -> str:
    try:
        data = read(link, identifier)
    except ForeignMasterActive:
        link.resume()  # as an operator does; the responses of another meter prove another master
        return "stopped"
    except ResponseQuarantined:
        return "postponed"
    except DriverError:
        return "lost"
    possible = range(before + 1, meter.count + 1)
    if identifier == ENERGY:
        right = digits(data) % 100 == 0 and digits(data) // 100 in possible
    else:
        right = any(data == _volts(count) for count in possible)
    return "right" if right else "wrong"


def _intact(line: MeterLine) -> int:
    return sum(n for fault, n in line.fault_counts.items() if fault not in NOT_INTACT)


def _volts(count: int) -> bytes:
    return b"".join(bytes.fromhex(f"{10 * (count % 900) + k:04d}")[::-1] for k in (1, 2, 3))
