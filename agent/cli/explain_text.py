"""The body of `<motor>/explain` as text for an engineer, in the language of the process."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agent.analysis.efficiency.explain_names import METHODS, U_PARTS
from agent.core.columns import cells
from agent.core.text import N_, _, text_of_object

WIDTH = 32  # of the column of names, in characters of the terminal

KINDS = {
    "pm": N_("permanent-magnet motor"),
    "pm-line-start": N_("line-start permanent-magnet motor"),
    "induction": N_("induction motor"),
}
INPUTS = {
    "input_power": N_("input power"),
    "current_and_frequency": N_("current and frequency"),
    "winding_temperature": N_("winding temperature"),
}
SIGNALS = {
    "terminal_power_w": (N_("power at the motor terminals"), "W"),
    "current_a": (N_("current"), "A"),
    "frequency_hz": (N_("frequency"), "Hz"),
    "shaft_speed_rpm": (N_("shaft speed"), "r/min"),
    "winding_temperature_degc": (N_("winding temperature"), "°C"),
    "shaft_torque_nm": (N_("shaft torque"), "Nm"),
}
WIRING = {"ok": N_("ok"), "unknown": N_("unknown"), "unclear": N_("unclear")}
POWERS = {
    "input_w": N_("input"),
    "drive_losses_w": N_("drive losses"),
    "terminals_w": N_("motor terminals"),
    "copper_losses_w": N_("copper losses"),
    "core_losses_w": N_("core losses"),
    "mechanical_losses_w": N_("friction and windage losses"),
    "additional_losses_w": N_("additional load losses"),
    "shaft_w": N_("shaft"),
    "input_taken_w": N_("input: taken from the supply"),
    "input_returned_w": N_("input: returned to the supply"),
}
CHECKS = {
    "drive_losses": N_("drive losses: input minus output power that the drive reports"),
    "shaft_power": N_("shaft power: from the torque that the drive reports (M8)"),
}


def as_text(asset: str, body: Mapping[str, Any]) -> str:
    """All parts of the body, one item per line."""
    sections = (_head(asset, body), _inputs(body), _result(body), _methods(body), _powers(body), _checks(body),
                _disabled(body), _uncertainty(body), _improvements(body))  # fmt: skip
    return "\n\n".join("\n".join(lines) for section in sections if (lines := list(section)))


def _head(asset: str, body: Mapping[str, Any]) -> Iterator[str]:
    plate = body["nameplate"]
    data = {
        "asset": asset, "kind": KINDS.get(plate["kind"], plate["kind"]), "kw": plate["rated_power_w"] / 1000,
        "rpm": plate["rated_speed_rpm"], "poles": plate["poles"], "volts": plate["rated_voltage_v"],
        "amps": plate["rated_current_a"], "efficiency": plate["rated_efficiency_pct"],
    }  # fmt: skip
    yield _("{asset}: {kind:word}, {kw:g} kW, {rpm:g} r/min, {poles:d} poles, {volts:g} V, {amps:.1f} A", **data)
    if plate["efficiency_source"] == "class":
        yield _("Rated efficiency {efficiency:.1f} % (typical of the efficiency class)", **data)
    elif plate["efficiency_source"]:
        yield _("Rated efficiency {efficiency:.1f} % (nameplate)", **data)
    else:
        yield _("Rated efficiency not known")


def _inputs(body: Mapping[str, Any]) -> Iterator[str]:
    yield _("Inputs")
    for name, reason in body["inputs"].items():
        yield _line(_name(INPUTS, name), text_of_object(reason))
    for name, value in body["signals"].items():
        label, unit = SIGNALS.get(name, (name, ""))
        yield _line(_(label), _watts(value) if unit == "W" else f"{value:.4g} {unit}")
    faults = [text_of_object(fault) for fault in body["meter_wiring_faults"]]
    yield _line(_("wiring of the meter"), _("; ").join(faults) or _name(WIRING, body["meter_wiring"]))


def _result(body: Mapping[str, Any]) -> Iterator[str]:
    if "efficiency_pct" not in body:
        yield _("Motor efficiency not available: {reason}", reason=text_of_object(body["reason"]))
        return
    yield _(
        "Motor efficiency {efficiency:.1f} % ± {u:.1f} % (k = 2)", efficiency=body["efficiency_pct"], u=body["u_pct"]
    )
    interval = body["interval"]
    yield "  " + (
        _("steady load: energies over {seconds:g} s", **interval) if interval["steady"]
        else _("varying load: energies over {seconds:g} s", **interval)
    )  # fmt: skip
    if not interval["complete"]:
        yield "  " + _("the interval is not complete yet")
    if body["powers"]["shaft_w"] < 0:
        yield "  " + _("the motor brakes and returns energy: efficiency is electrical divided by mechanical power")


def _methods(body: Mapping[str, Any]) -> Iterator[str]:
    methods = body["methods"] if "efficiency_pct" in body else ()
    if methods or "drive_method" in body:
        yield _("Methods")
    for number, item in enumerate(methods):
        data = {"id": item["id"], "method": METHODS.get(item["id"], ""), "loss": _watts(item["loss_w"]),
                "u": _watts(item["u_w"])}  # fmt: skip
        yield "  " + (
            _("{id} {method:word}: losses {loss} ± {u}, not used (higher uncertainty)", **data) if number
            else _("{id} {method:word}: losses {loss} ± {u}, used", **data)
        )  # fmt: skip
    if "drive_method" in body:
        drive = body["drive_method"]
        yield "  " + _("drive: {id}, {method:word}, ± {u:g} % of the losses", id=drive["id"],
                       method=METHODS.get(drive["id"], ""), u=drive["u_pct"])  # fmt: skip


def _powers(body: Mapping[str, Any]) -> Iterator[str]:
    if "powers" in body:
        yield _("Power from the supply to the shaft, mean over the interval")
        sources = body.get("loss_sources", {})  # missing in the message of an earlier version
        for name, value in body["powers"].items():
            source = sources.get(name.removesuffix("_losses_w"))
            yield _line(_name(POWERS, name), f"{_watts(value):>12}{'   ' + text_of_object(source) if source else ''}")


def _checks(body: Mapping[str, Any]) -> Iterator[str]:
    if body.get("checks"):
        yield _("Comparison with values of the drive (uncertainty 5 to 20 %)")
        for name, item in body["checks"].items():
            yield "  " + _("{name}: {check}; used: {used}", name=_name(CHECKS, name), check=_watts(item["check_w"]),
                           used=_watts(item["used_w"]))  # fmt: skip


def _disabled(body: Mapping[str, Any]) -> Iterator[str]:
    if items := body.get("disabled_registers"):  # missing in the message of an earlier version
        yield _("Disabled registers")
        yield from (f"  - {text_of_object(item)}" for item in items)


def _uncertainty(body: Mapping[str, Any]) -> Iterator[str]:
    if "u_parts_pct" in body:
        yield _("Uncertainty budget, percentage points (k = 2, added in quadrature)")
        for name, value in sorted(body["u_parts_pct"].items(), key=lambda item: -item[1]):
            yield _line(_name(U_PARTS, name), f"{value:>12.2f}")


def _improvements(body: Mapping[str, Any]) -> Iterator[str]:
    if body["improvements"]:
        yield _("Possible improvements")
        yield from (f"  - {text_of_object(item)}" for item in body["improvements"])


def _name(table: Mapping[str, str], key: str) -> str:
    """The name of a key; a key of another version is shown unchanged."""
    return _(table[key]) if key in table else key


def _line(name: str, value: str) -> str:
    return f"  {name}{' ' * max(1, WIDTH - cells(name))}{value}"


def _watts(value: float) -> str:
    return f"{value / 1000:.2f} kW" if abs(value) >= 1000 else f"{value:.0f} W"
