"""Uncertainty of a saving in words: its components, what reduces them, and why parts are less certain than the sum."""

from __future__ import annotations

from typing import NamedTuple

from agent.core.text import N_, Catalogue
from agent.savings.records.model import Saving
from agent.savings.report.model.month import ReportMonth

MOST = 0.5  # share of the variance


class UncertaintyComponent(NamedTuple):
    """A component of the uncertainty.

    short: its name in a list.
    origin: where it comes from.
    remedy: what reduces it.
    setting: key of the configuration, or command, for the remedy.
    """

    short: str
    origin: str
    remedy: str
    setting: str = ""


COMPONENTS = {
    "model": UncertaintyComponent(
        N_("model coefficients"),
        N_("the coefficients of the baseline model"),
        N_("a longer baseline period that covers a full production cycle"),
    ),
    "scatter": UncertaintyComponent(
        N_("residual scatter"),
        N_("influences on the energy that are not measured"),
        N_("a signal of these influences, or a longer reporting period"),
    ),
    "driver": UncertaintyComponent(
        N_("drift of driver signals"),
        N_("what a driver signal can have drifted between the periods"),
        N_("calibrations of the driver signal before and after the retrofit"),
        "signal.*.calibration",
    ),
    "interpolation": UncertaintyComponent(
        N_("interpolated drivers"),
        N_("driver signals that were interpolated"),
        N_("fewer gaps of the driver signals"),
        "magwatt doctor",
    ),
    "gaps": UncertaintyComponent(
        N_("data gaps"), N_("energy that was filled in over data gaps"), N_("fewer data gaps"), "magwatt doctor"
    ),
    "meter_gain": UncertaintyComponent(
        N_("meter class"),
        N_("the accuracy class of the meter"),
        N_("a meter of a better class, the same before and after the retrofit"),
    ),
    "transformer_ratio": UncertaintyComponent(
        N_("CT ratio error"),
        N_("the ratio error of the current transformers"),
        N_(
            "current transformers of a better class, the same before and after the retrofit, or the limit of their "
            "test certificate"
        ),
        "meter.*.ct_class",
    ),
    "transformer_phase": UncertaintyComponent(
        N_("CT phase displacement"),
        N_("the phase displacement of the current transformers, because the retrofit changed the reactive power"),
        N_(
            "current transformers of a better class from the baseline period on, or the limit of their test certificate"
        ),
        "meter.*.ct_class",
    ),
    "voltage_transformer_ratio": UncertaintyComponent(
        N_("VT ratio error"),
        N_("the ratio error of the voltage transformers"),
        N_("the accuracy class of the voltage transformers, or the limit of their test certificate"),
        "meter.*.vt_class",
    ),
    "voltage_transformer_phase": UncertaintyComponent(
        N_("VT phase displacement"),
        N_("the phase displacement of the voltage transformers, because the retrofit changed the reactive power"),
        N_("the accuracy class of the voltage transformers, or the limit of their test certificate"),
        "meter.*.vt_class",
    ),
}


def largest(saving: Saving) -> tuple[str, bool] | None:
    """The largest component and whether it is most of the variance; None when no component is known."""
    variance = {name: wh * wh for name, wh in saving.causes.items() if wh > 0}
    if not variance:
        return None
    name = max(variance, key=lambda cause: variance[cause])
    return name, variance[name] >= MOST * sum(variance.values())


def largest_text(saving: Saving, _: Catalogue) -> str:
    """The largest component and what reduces it; empty when no component is known."""
    found = largest(saving)
    if found is None:
        return ""
    component = COMPONENTS[found[0]]
    if found[1]:
        return _(
            "Most of the uncertainty comes from {origin:word}. To reduce it: {remedy:word}.",
            origin=component.origin, remedy=component.remedy,
        )  # fmt: skip
    return _(
        "The largest component of the uncertainty comes from {origin:word}. To reduce it: {remedy:word}.",
        origin=component.origin, remedy=component.remedy,
    )  # fmt: skip


def largest_setting(saving: Saving) -> str:
    """The key or command of what reduces the largest component; empty when there is none."""
    found = largest(saving)
    return COMPONENTS[found[0]].setting if found else ""


def losses_missing(month: ReportMonth) -> list[str]:
    """Keys of the configuration whose loss points would reduce the uncertainty of the parts; empty when none would."""
    plant = month.plant
    if plant is None or not parts_less_certain(month.saving):
        return []
    found = []
    if (drive := plant.drive) is not None and not drive.loss_points_w:
        found.append(f"drive.{drive.name}.losses")
    if (motor := plant.motor) is not None and not motor.loss_points_w:
        found.append(f"motor.{motor.name}.losses")
    return found


def parts_less_certain(saving: Saving | None) -> bool:
    """Whether a part of the saving has a larger U95 than the saving."""
    return saving is not None and any(part.u95_wh > saving.u95_wh for part in saving.parts.values())
