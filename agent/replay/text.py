"""The summary for a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from agent.replay import lines

_MOST_3S = 20  # lines; of more, the table of the 10 min values tells
_MOST_FINDINGS = 20
_MOST_KEPT = 3  # the nearest to their limits
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
    ("k_factor", "K factor", "", ".3f"),
    ("u2_pct", "u2", "%", ".2f"),
    ("u0_pct", "u0", "%", ".2f"),
    ("i2_pct", "i2", "%", ".2f"),
)
_NOTHING = 1e-5  # of any unit here: what rounding leaves
_NAMES = {
    "h_u": "voltage harmonic {}",
    "isg_u": "interharmonics above order {}",
    "h_i": "current harmonic {}",
    "thd_u": "THD of voltage",
    "tdd": "TDD",
    "u2": "unbalance u2",
    "plt": "flicker Plt",
    "u": "voltage",
    "frequency": "frequency",
}


def summary_text(found: dict[str, Any]) -> str:
    """Several blocks, a blank line between them."""
    blocks = [_head(found), _three_seconds(found), *map(_ten_minutes, found["values_10min"]), _rest(found)]
    blocks += map(_standard, found.get("limits", []))
    return "\n\n".join(block for block in blocks if block)


def _head(found: dict[str, Any]) -> str:
    flags = ", ".join(f"{count} {name}" for name, count in found["flags"].items())
    return (
        f"{found['file']}: {found['from_s']:g} to {found['to_s']:g} s at {found['rate_hz']:g} samples per second, "
        f"{found['windows']} windows ({flags or 'no flags'})"
    )


def _three_seconds(found: dict[str, Any]) -> str:
    values = found["values_3s"]
    if len(values) > _MOST_3S:
        return f"3 s values: {len(values)}, {sum(value['flagged'] for value in values)} flagged; --json has them all"
    rows = [
        lines.text(
            value | {"t_s": value["start_s"], "n_cycles": value["windows"], "flags": _doubts(value)}, heading=k == 0
        )
        for k, value in enumerate(values)
    ]
    return "3 s values, by their begin and number of windows\n" + "\n".join(rows)


def _doubts(value: dict[str, Any]) -> list[str]:
    return ["flagged"] * value["flagged"] + ["part only"] * (not value["whole"])


def _ten_minutes(value: dict[str, Any]) -> str:
    doubts = "".join(f", {doubt}" for doubt in _doubts(value))
    out = [
        f"10 min value, {value['start_s']:g} to {value['end_s']:g} s ({value['windows']} windows{doubts})",
        f"{'':13} {'phase 1':>10} {'phase 2':>10} {'phase 3':>10} {'least':>12} {'largest':>10} {'95 % of 3 s':>12}",
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
        out.append(
            f"  {label:8} {unit:>3} {cells[0]:>9} {cells[1]:>10} {cells[2]:>10} {ends_text[0]:>12} "
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
    if found["frequency_10s"]:
        known = [item["frequency_hz"] for item in found["frequency_10s"] if item["frequency_hz"] is not None]
        spread = f"{min(known):.4f} to {max(known):.4f} Hz" if known else "not measured"
        out.append(f"10 s frequency: {len(found['frequency_10s'])} values, {spread}")
    if found["energy_wh"] is not None:
        out.append(f"energy: {found['energy_wh']:.6g} Wh" + ("" if found["energy_whole"] else ", parts are missing"))
    for name, key in (("Pst", "pst"), ("Plt", "plt")):
        for item in found[key]:
            numbers = "  ".join("–" if x is None else f"{x:.3f}" for x in item[key])
            out.append(f"{name} up to {item['end_s']:g} s: {numbers}")
    out += [f"event: {lines.event_text(event)}" for event in found["events"]]
    return "\n".join(out)


def _standard(one: dict[str, Any]) -> str:
    place = {"pcc": "at the point of common coupling", "in-plant": "inside the plant"}[one["place"]]
    head = f"{one['standard']} {place}, {one['nominal_v']:.0f} V"
    if not one["applies"]:
        return f"{head}: not judged; {one['reason']}"
    from agent.replay.verdict import MARKS

    out = [f"{head}: {one['exceeded']} exceeded, {one['kept']} kept, {one['not_measured']} not measured"]
    marks = sorted({item["mark"] for item in one["findings"]})
    out.append(f"  source: {one['source']}; " + "; ".join(f"[{mark}] {MARKS[mark]}" for mark in marks))
    if one["indicative"]:
        out.append(f"  {one['measured_s']:.4g} s measured: indicative only, the standard asks for days")
    if one["flagged_left_out"]:
        out.append(f"  flagged and left out: {one['flagged_left_out']} of the 3 s or 10 min values")
    by_use = sorted((item for item in one["findings"] if item["held"] is not None), key=lambda item: -item["use_pct"])
    exceeded = [item for item in by_use if not item["held"]]
    out += [f"  EXCEEDED  {_line(item)}" for item in exceeded[:_MOST_FINDINGS]]
    if len(exceeded) > _MOST_FINDINGS:
        out.append(f"  and {len(exceeded) - _MOST_FINDINGS} more; --json has them all")
    kept = [item for item in by_use if item["held"] and item["use_pct"] >= 1.0]
    out += [f"  kept      {_line(item)}" for item in kept[:_MOST_KEPT]]
    if one["kept"] and not kept:
        out.append("  kept      all below 1 % of their limits")
    if missing := _missing(item for item in one["findings"] if item["held"] is None):
        out.append(f"  not measured: {missing}")
    return "\n".join(out)


def _line(item: dict[str, Any]) -> str:
    below = item["low"] is not None and item["value"] < 0.0
    limit = item["low"] if below else item["high"]
    name = _NAMES[item["quantity"]].format(item["order"])
    span = {3: "3 s", 10: "10 s", 600: "10 min", 7200: "2 h"}[item["interval_s"]]
    period = {86400: "day", 604800: "week"}.get(item["period_s"], "year")
    return (
        f"{name:30} {item['value']:7.3g} of {limit:5.3g} {item['unit']} ({item['use_pct']:.0f} %), "
        f"{item['percent_of_values']:g} % of the {span} values of a {period} [{item['mark']}]"
    )


def _missing(items: Iterable[dict[str, Any]]) -> str:
    orders: dict[str, set[int]] = {}
    for item in items:
        orders.setdefault(item["quantity"], set()).add(item["order"])
    words = []
    for quantity, some in orders.items():
        which = f"{min(some)} to {max(some)}" if len(some) > 1 else str(min(some))
        words.append(_NAMES[quantity].format(which))
    return ", ".join(words)
