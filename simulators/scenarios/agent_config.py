"""The agent's configuration for a plant from a scenario file, as an integrator would write it."""

from __future__ import annotations

import json

from drivers.s7_place import is_place, place_of
from simulators.devices import transmitter
from simulators.endpoints import Endpoints
from simulators.meters.transformers import CT_CLASS
from simulators.plant.params import InductionMotor, LineStartMotor
from simulators.scenarios.instruments import InstalledDevice
from simulators.scenarios.machines import library
from simulators.scenarios.motor_train import MotorTrain, drive_name, meter_name
from simulators.scenarios.plant import ScenarioPlant
from simulators.scenarios.records import DeviceRecord, ScenarioRecord, SignalRecord, SiteRecord

_RATIO_A = 5
SINCE = "2026-03-01"  # for retrofits without a date


def config_toml(
    plant: ScenarioPlant, endpoints: Endpoints, mqtt_url: str, state_dir: str, *, before: bool = False
) -> str:
    """Return the configuration. before: True for the time before the retrofit of a plant that has one."""
    record = plant.record
    tables = [
        f"""\
# {record.name}: {record.about}. For `magwatt simulate {record.name}`.
[site]
id = {json.dumps(record.name)}
gateway = "gw-01"
timezone = {json.dumps(record.site.timezone)}
simulated = true
{_site_options(record.site)}
[store]
state_dir = {json.dumps(state_dir)}

[mqtt]
url = {json.dumps(mqtt_url)}
"""
    ]
    for line in record.line:
        where = endpoints.more[line.name]
        how = f'serial = {json.dumps(where)}\nline = {json.dumps(line.serial)}\nlisten_before_start = "0s"'
        if not line.serial:
            how = f"tcp = {json.dumps(where)}" + ('\nframing = "s7"' if line.s7 else "")
        tables.append(f'[bus.{line.name}]\n{how}\npoll_interval = "{record.every_s:g}s"\n')
    by_name = {device.name: device for device in plant.instruments.installed}
    shared = {name: item.name for item in record.meter for name in item.of}
    for item in record.meter:
        tables.append(_meter(by_name[item.name], item, item.at or "feeder"))
    for unit in plant.units.values():
        train = _train(unit, by_name, shared.get(unit.record.name), before)
        tables.append(train + _condition(record, unit) + _phases(record, unit))
        if unit.record.waveform and endpoints.ews_port:  # only with real buses
            at = "motor" if unit.record.kind == "direct" else "drive-input"
            where = json.dumps(endpoints.ews_port)
            tables.append(f'[motor.{unit.name}.waveform]\nserial = {where}\nbaud = 3000000\nmeasuring_point = "{at}"\n')
    tables += [_signal(by_name[item.name], item) for item in record.signal]
    return "\n".join([*tables, record.site.tariff])


def _site_options(site: SiteRecord) -> str:
    options = {"currency": site.currency, "grid_factor": site.grid_factor}
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in options.items() if value)


def _condition(record: ScenarioRecord, unit: MotorTrain) -> str:
    """Return what an integrator knows for the watch over the condition: application, and signals of temperatures."""
    known = {"application": unit.record.application} | {
        f"{item.shows.partition('-')[0]}_signal": item.name
        for item in record.signal
        if item.of == unit.record.name and item.shows in ("bearing-temperature", "ambient-temperature")
    }
    pairs = ", ".join(f"{key} = {json.dumps(value)}" for key, value in known.items() if value)
    return f"condition = {{ {pairs} }}\n" if pairs else ""


def _phases(record: ScenarioRecord, unit: MotorTrain) -> str:
    life, since = record.life, record.site.reporting
    if life is not None:
        begins = {"baseline": life.start, "commissioning": life.retrofit, "reporting": life.reporting}
    elif since is not None and unit.record.replaces:
        begins = {"reporting": since}
    else:
        return ""
    days = ", ".join(f"{name} = {day:%Y-%m-%d}" for name, day in begins.items())
    return f"periods = {{ {days} }}\n"


def _signal(device: InstalledDevice, item: SignalRecord) -> str:
    measures = f'measures = "{item.shows}"\n' if item.shows == "winding-temperature" else ""
    return (
        f'[signal.{item.name}]\nbus = "{item.line}"\nunit_id = {_unit_id(device)}\naddress = {transmitter.ADDRESS}\n'
        f'type = "{transmitter.TYPE}"\nunit_of_measure = {json.dumps(item.unit_of_measure)}\nmotor = "{item.of}"\n'
        f"{measures}"
    )


def _train(unit: MotorTrain, by_name: dict[str, InstalledDevice], shared: str | None, before: bool) -> str:
    record, tables = unit.record, []
    meter = meter_name(unit.name) if record.meter else shared
    if record.meter is not None:
        at = record.meter.at or ("motor" if record.kind == "direct" or before else "drive-input")
        tables.append(_meter(by_name[meter_name(unit.name)], record.meter, at))
    fed_by = meter
    if record.drive is not None and not before:
        drive = by_name[drive_name(unit.name)]
        fed = f"fed_by = {json.dumps(meter)}\n" if meter else ""
        kw = record.drive.kw or record.motor.kw
        fed += "rectifier = false\n" if record.kind == "dc-bus" else ""
        tables.append(
            f'[drive.{drive.name}]\nbus = "{drive.line}"\nunit_id = {_unit_id(drive)}\n'
            f'profile = "{record.drive.profile}"\n{fed}comm_loss = "not used"\nkw = {kw:g}\nclass = "IE2"\n'
        )
        fed_by = drive.name
    tables.append(f"[motor.{unit.name}]\n{_plate(unit, before)}fed_by = {json.dumps(fed_by)}\n")
    return "\n".join(tables)


def _plate(unit: MotorTrain, before: bool) -> str:
    motor, record = unit.old if before and unit.old is not None else unit.plate, unit.record
    title = f"name = {json.dumps(record.title)}\n" if record.title else ""
    if isinstance(motor, InductionMotor):
        efficiency_class = library()[record.replaces if before else record.motor.library]["class"]
        return (
            f'{title}kind = "induction"\nkw = {motor.power_w / 1000:g}\nrpm = {motor.speed_rpm:g}\n'
            f'poles = {2 * motor.pole_pairs}\nvolts = {motor.volts_v:g}\nclass = "{efficiency_class}"\n'
            f"amps = {motor.current_a:.1f}\n"
        )
    replaced = ""
    if record.replaces:
        old = library()[record.replaces]
        since = unit.retrofit_times.retrofit if unit.retrofit_times else SINCE
        replaced = (
            f'replaced_motor = {{ kind = "induction", class = "{old["class"]}", kw = {old["power_w"] / 1000:g}, '
            f"rpm = {old['speed_rpm']:g}, since = {since} }}\n"
        )
    efficiency = record.motor.efficiency or motor.power_w / (motor.power_w + motor.losses_w)
    kind = "pm-line-start" if isinstance(unit.motor, LineStartMotor) else "pm"
    return (
        f'{title}kind = "{kind}"\nkw = {motor.power_w / 1000:g}\nrpm = {motor.speed_rpm:g}\n'
        f"poles = {2 * motor.pole_pairs}\n"
        f"volts = {motor.volts_v:.0f}\nefficiency = {100 * efficiency:.4g}\namps = {motor.current_a:.1f}\n"
        f"r1_ohm = {motor.rs20_ohm:.5f}\n{replaced}"
    )


def _unit_id(device: InstalledDevice) -> str:
    unit = device.device.unit
    return f'"DB{place_of(unit)[0]}"' if is_place(unit) else str(unit)


def _meter(meter: InstalledDevice, item: DeviceRecord, at: str) -> str:
    ct = f'ct = "{item.ct}/{_RATIO_A}"\nratio_applied_by = "meter"\nct_class = "{CT_CLASS}"\n' if item.ct else ""
    plate = {"serial_number": item.serial, "certificate": item.certificate}
    stated = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plate.items() if value)
    allocation = f'allocation = "{item.divide}"\n' if len(item.of) else ""
    return (
        f'[meter.{meter.name}]\nbus = "{meter.line}"\nunit_id = {_unit_id(meter)}\nprofile = "{item.profile}"\n'
        f'measuring_point = "{at}"\nwiring = "3P4W"\nclass = "{item.accuracy:g}"\n{ct}{stated}{allocation}'
    )
