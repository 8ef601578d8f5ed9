"""The summary of a recording as text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.analysis.recordings import rows as lines
from agent.analysis.recordings.limits import MARKS
from agent.core.columns import padded, padded_left
from agent.core.text import N_, _, text_of

_MOST_3S = 20  # 3 s values that are printed; the table of the 10 min values replaces a longer list
_MOST_FINDINGS = 20
_WITHIN_MAX = 3  # the nearest to their limits
K_FACTOR = N_("K factor")
_QUANTITIES = (
    ("frequency_hz", "f", "Hz", ".4f"),
    ("u_rms_v", "U", "V", ".2f"),
    ("i_rms_a", "I", "A", ".4g"),
    ("p_w", "P", "W", ".6g"),
    ("q1_var", "Q1", "var", ".6g"),
    ("s_va", "S", "VA", ".6g"),
    ("thd_u_pct", "THD-U", "%", ".2f"),
    ("thd_i_pct", "THD-I", "%", ".2f"),
    ("tdd_pct", "TDD", "%", ".2f"),
    ("k_factor", K_FACTOR, "", ".3f"),
    ("u2_pct", "u2", "%", ".2f"),
    ("u0_pct", "u0", "%", ".2f"),
    ("i2_pct", "i2", "%", ".2f"),
)
_NOTHING = 1e-5  # of any unit here: rounding errors are smaller
_NAMES = {
    "h_u": N_("voltage harmonic {order}"),
    "isg_u": N_("interharmonics above order {order}"),
    "h_i": N_("current harmonic {order}"),
    "thd_u": N_("voltage THD"),
    "tdd": N_("current TDD"),
    "u2": N_("unbalance u2"),
    "plt": N_("flicker Plt"),
    "u": N_("voltage"),
    "frequency": N_("frequency"),
}
_PLACES = {"pcc": N_("point of common coupling"), "in-plant": N_("inside the plant")}
_INTERVALS = {3: "3 s", 10: "10 s", 600: "10 min", 7200: "2 h"}
_PERIODS = {86400: N_("day"), 604800: N_("week")}
_YEAR = N_("year")
_UNITS = {"% of IL": N_("% of IL")}
_WIDTHS = (11, 11, 11, 13, 11, 13)  # columns of the 10 min values
_EXCEEDED, _WITHIN = N_("EXCEEDED"), N_("within")
_RESULT_WIDTH = 8


def summary_text(found: dict[str, Any]) -> str:
    """Several blocks, separated by empty lines.

    found: `Summary.as_object`, with `limits` as of `compare_with_limits`.
    """
    blocks = [_head(found), _three_seconds(found), *map(_ten_minutes, found["values_10min"]), _rest(found)]
    blocks += map(_standard, found.get("limits", []))
    return "\n\n".join(block for block in blocks if block)


def _head(found: dict[str, Any]) -> str:
    flags = tuple(f"{count} {name}" for name, count in found["flags"].items())
    return _(
        "{file}: {from_s:g} to {to_s:g} s at {rate_hz:g} samples per second, {n:d} {n:window|windows} ({flags})",
        file=found["file"],
        from_s=found["from_s"],
        to_s=found["to_s"],
        rate_hz=found["rate_hz"],
        n=found["windows"],
        flags=flags or _("no flags"),
    )


def _three_seconds(found: dict[str, Any]) -> str:
    values = found["values_3s"]
    if len(values) > _MOST_3S:
        flagged = sum(value["flagged"] for value in values)
        return _("3 s values: {n:d}, {flagged:d} flagged; `--json` prints all", n=len(values), flagged=flagged)
    rows = [
        lines.format_row(value | {"t_s": value["start_s"], "n_cycles": value["windows"], "flags": _format_flags(value)})
        for value in values
    ]
    title = _("3 s values, with start and number of windows")
    return "\n".join([title, *([lines.headings()] if rows else []), *rows])


def _format_flags(value: dict[str, Any]) -> list[str]:
    return [_("flagged")] * value["flagged"] + [_("incomplete")] * (not value["whole"])


def _ten_minutes(value: dict[str, Any]) -> str:
    title = _(
        "10 min value, {start_s:g} to {end_s:g} s, {n:d} {n:window|windows}",
        start_s=value["start_s"],
        end_s=value["end_s"],
        n=value["windows"],
    )
    columns = [*(_("phase {number:d}", number=number) for number in (1, 2, 3)),
               _("minimum"), _("maximum"), _("95 % of 3 s")]  # fmt: skip
    out = [
        _(", ").join([title, *_format_flags(value)]),
        f"{'':13}" + "".join(padded_left(name, width) for name, width in zip(columns, _WIDTHS, strict=True)),
    ]
    for name, label, unit, form in _QUANTITIES:
        mean, least, largest, p95 = (_phases(part[name]) for part in (value, value["min"], value["max"], value["p95"]))
        if not any(x is not None for x in mean):
            continue
        ends = [pick((x for x in some if x is not None), default=None) for pick, some in
                ((min, least), (max, largest), (max, p95))]  # fmt: skip
        cells = [_cell(x, form) for x in (*mean, *[None] * (3 - len(mean)))]
        ends_text = [_cell(x, form) for x in (ends if name != "frequency_hz" else ends[:2])]
        if len(mean) == 1:
            cells[1:] = ["", ""]
        heading = _(label) if label == K_FACTOR else label
        out.append(
            f"  {padded(heading, 8)} {unit:>3} {cells[0]:>9} {cells[1]:>10} {cells[2]:>10} {ends_text[0]:>12} "
            f"{ends_text[1]:>10} {(*ends_text, '')[2]:>12}".rstrip()
        )
    return "\n".join(out)


def _phases(value: float | list[float | None] | None) -> list[float | None]:
    return value if isinstance(value, list) else [value]


def _cell(value: float | None, form: str) -> str:
    if value is None:
        return "–"
    if abs(value) < _NOTHING:
        value = 0.0
    return f"{value:.0f}" if form.endswith("g") and abs(value) >= 1e5 else format(value, form)


def _rest(found: dict[str, Any]) -> str:
    out = []
    if values := found["frequency_10s"]:
        measured = [item["frequency_hz"] for item in values if item["frequency_hz"] is not None]
        limits = {"low_hz": min(measured), "high_hz": max(measured)} if measured else {}
        text = N_("10 s frequency: {n:d} {n:value|values}, {low_hz:.4f} to {high_hz:.4f} Hz")
        if not measured:
            text = N_("10 s frequency: {n:d} {n:value|values}, not measured")
        out.append(_(text, n=len(values), **limits))
    if (energy_wh := found["energy_wh"]) is not None:
        text = (
            N_("energy: {energy_wh:.6g} Wh") if found["energy_whole"] else N_("energy: {energy_wh:.6g} Wh, incomplete")
        )
        out.append(_(text, energy_wh=energy_wh))
    for name, key in (("Pst", "pst"), ("Plt", "plt")):
        for item in found[key]:
            numbers = "  ".join("–" if x is None else f"{x:.3f}" for x in item[key])
            out.append(_("{name} up to {end_s:g} s: {numbers}", name=name, end_s=item["end_s"], numbers=numbers))
    out += [_("event: {event}", event=lines.format_event(event)) for event in found["events"]]
    return "\n".join(out)


def _standard(one: dict[str, Any]) -> str:
    place = {"standard": one["standard"], "place": _PLACES[one["place"]], "nominal_v": one["nominal_v"]}
    if not one["applies"]:
        return _(
            "{standard}, {place:word}, {nominal_v:.0f} V: not applicable; {reason}",
            **place,
            reason=text_of(one["reason"]),
        )
    out = [
        _(
            "{standard}, {place:word}, {nominal_v:.0f} V: {exceeded:d} exceeded, {kept:d} within, {missing:d} not "
            "measured",
            **place,
            exceeded=one["exceeded"],
            kept=one["kept"],
            missing=one["not_measured"],
        )
    ]
    marks = (f"[{mark}] {_(MARKS[mark])}" for mark in sorted({item["mark"] for item in one["findings"]}))
    out.append("  " + _("; ").join([_("source: {source}", source=_(one["source"])), *marks]))
    if one["indicative"]:
        out.append(
            "  "
            + _(
                "{measured_s:.4g} s measured: indicative only; the standard requires a day or more",
                measured_s=one["measured_s"],
            )
        )
    if one["flagged_left_out"]:
        out.append("  " + _("flagged 3 s and 10 min values, excluded: {n:d}", n=one["flagged_left_out"]))
    by_use = sorted((item for item in one["findings"] if item["held"] is not None), key=lambda item: -item["use_pct"])
    exceeded = [item for item in by_use if not item["held"]]
    out += [f"  {padded(_(_EXCEEDED), _RESULT_WIDTH)}  {_line(item)}" for item in exceeded[:_MOST_FINDINGS]]
    if len(exceeded) > _MOST_FINDINGS:
        out.append("  " + _("{n:d} more exceeded; `--json` prints all", n=len(exceeded) - _MOST_FINDINGS))
    within = [item for item in by_use if item["held"] and item["use_pct"] >= 1.0]
    out += [f"  {padded(_(_WITHIN), _RESULT_WIDTH)}  {_line(item)}" for item in within[:_WITHIN_MAX]]
    if one["kept"] and not within:
        out.append(f"  {padded(_(_WITHIN), _RESULT_WIDTH)}  " + _("all below 1 % of their limits"))
    if missing := _missing(item for item in one["findings"] if item["held"] is None):
        out.append("  " + _("not measured: {quantities}", quantities=missing))
    return "\n".join(out)


def _line(item: dict[str, Any]) -> str:
    below = item["low"] is not None and item["value"] < 0.0
    unit = item["unit"]
    return (
        padded(_(_NAMES[item["quantity"]], order=item["order"]), 30)
        + " "
        + _(
            "{value:7.3g} of {limit:5.3g} {unit} ({use_pct:.0f} %), {share:g} % of the {interval} values of a "
            "{period:word} [{mark}]",
            value=item["value"],
            limit=item["low"] if below else item["high"],
            unit=_(_UNITS[unit]) if unit in _UNITS else unit,
            use_pct=item["use_pct"],
            share=item["percent_of_values"],
            interval=_INTERVALS[item["interval_s"]],
            period=_PERIODS.get(item["period_s"], _YEAR),
            mark=item["mark"],
        )
    )


def _missing(items: Iterable[dict[str, Any]]) -> tuple[str, ...]:
    orders: dict[str, set[int]] = {}
    for item in items:
        orders.setdefault(item["quantity"], set()).add(item["order"])
    return tuple(_(_NAMES[quantity], order=_range(min(some), max(some))) for quantity, some in orders.items())


def _range(first: int, last: int) -> str:
    return _("{first:d} to {last:d}", first=first, last=last) if last > first else str(first)
