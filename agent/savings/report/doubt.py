"""What the doubt of a saving comes from: the largest cause with what would lower it, and why parts are less sure."""

from __future__ import annotations

from agent.savings.report.month import Month
from agent.savings.report.texts import Words
from agent.savings.types import Saving

MOST = 0.5  # of the variance


def largest(saving: Saving, words: Words) -> str:
    """One sentence for the verdict; empty where no cause is known."""
    variance = {name: wh * wh for name, wh in saving.causes.items() if wh > 0}
    if not variance:
        return ""
    name = max(variance, key=lambda cause: variance[cause])
    begin = "Most of the doubt" if variance[name] >= MOST * sum(variance.values()) else "Largest part of the doubt"
    cause, lower = words(f"doubt {name}"), words(f"lower {name}")
    return f"{words(begin)}{words(': ')}{cause}{words('; ')}{words('what would lower it')}{words(': ')}{lower}"


def of_parts(month: Month, words: Words) -> str:
    """Why a part is less sure than the sum, and what of the plant's file would narrow it; empty where none is."""
    saving, plant = month.saving, month.plant
    if saving is None or all(part.u95_wh <= saving.u95_wh for part in saving.parts.values()):
        return ""
    why = words("Parts are less sure than their sum: the meter tells the sum, the losses of drive and motors divide it")
    lacking = []
    if plant is not None and (drive := plant.drive) is not None and not drive.loss_points_w:
        name = f"drive.{drive.name}.losses"
        lacking.append(words("the losses of the drive at eight points") + words.aside(name))
    if plant is not None and (motor := plant.motor) is not None and not motor.loss_points_w:
        name = f"motor.{motor.name}.losses"
        lacking.append(words("the losses of the new motor at seven points") + words.aside(name))
    if not lacking:
        return why
    narrower = words("known by class only; what would narrow them")
    return f"{why}{words('; ')}{narrower}{words(': ')}{words(', ').join(lacking)}"
