"""The records of a configuration as rows of texts. Each row is named here, so that nothing else of a record leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from agent.config.certificates import TITLES, described
from agent.config.model import Bus, Config, Drive, Meter, Motor, Mqtt
from agent.config.tariff import Tariff, TariffPeriod
from agent.core.text import N_, Catalogue
from drivers.dlt645_frames import address_text
from drivers.profiles import load_profile
from drivers.s7_place import unit_text

SECRET = "••••"
MOTOR_KINDS = {
    "pm": N_("magnet motor"), "pm-line-start": N_("line-start magnet motor"), "induction": N_("induction motor"),
}  # fmt: skip
MEASURING_POINTS = {"drive-input": N_("input of the drive"), "motor": N_("motor"), "feeder": N_("feeder")}
RATIO_APPLIED_BY = {"meter": N_("the meter"), "agent": N_("the agent")}
DAY_KINDS = {
    "all": N_("every day"), "workday": N_("workdays"), "weekend": N_("weekends"), "holiday": N_("holidays"),
    "mon": N_("Mon"), "tue": N_("Tue"), "wed": N_("Wed"), "thu": N_("Thu"), "fri": N_("Fri"), "sat": N_("Sat"),
    "sun": N_("Sun"),
}  # fmt: skip
Row = dict[str, Any]
_COMM_LOSS = {
    "not used": N_("not used"), "other port": N_("other port"), "warning only": N_("warning only"),
    "armed": N_("armed"), None: N_("not checked: the drive is not polled"),
}  # fmt: skip


def tables(config: Config, _: Catalogue) -> list[dict[str, Any]]:
    """Site, broker, store and outputs."""
    site, store, outputs = config.site, config.store, config.dialects
    found = [_table(_("Site"), [
        (_("plant"), site.id), (_("gateway"), site.gateway), (_("time zone"), site.timezone),
        (_("currency"), _named(site.currency, _)), (_("price of energy"), site.energy_price),
        (_("grid emission factor"), site.grid_factor), (_("topics below"), site.root),
        (_("simulated"), _("yes") if site.simulated else None), (_("own register maps"), site.profiles),
    ])]  # fmt: skip
    broker = _broker(config.mqtt, _) if config.mqtt else [(_("broker"), _("none: results are not published"))]
    found.append(_table(_("MQTT broker"), broker))
    history = " · ".join(_span(seconds, _) for seconds in store.history_s)
    found.append(_table(_("Store"), [
        (_("folder of the state"), config.state_dir or _("none: no state is stored")),
        (_("largest state file"), f"{store.quota_bytes / 1e6:g} MB"),
        (_("free space that remains"), f"{100 * store.min_free_share:g} %, ≤ {store.quota_bytes / 1e6:g} MB"),
        (_("rows without a broker are kept"), _span(store.spool_retention_s, _)),
        (_("history of 1 s, 1 min and 15 min"), history), (_("commits every"), f"{store.commit_interval_s:g} s"),
        (_("copy of the checkpoints of the ledger"), config.checkpoint_file),
    ]))  # fmt: skip
    rows: list[tuple[str, Any]] = []
    if outputs.homeassistant:
        rows.append(("Home Assistant", outputs.homeassistant.prefix))
    if outputs.sparkplug:
        rows.append(("Sparkplug B", f"{outputs.sparkplug.group} / {outputs.sparkplug.node}"))
    if outputs.prometheus:
        rows.append(("Prometheus", f"{outputs.prometheus.host}:{outputs.prometheus.port}"))
    if outputs.file:
        rows.append((_("files"), f"{outputs.file.directory} ({outputs.file.format})"))
    found.append(_table(_("Further outputs"), rows or [(_("none"), None)], keep=True))
    return found


_PROTOCOLS = {"dlt645": "DL/T 645", "s7": "S7"}


def bus_rows(bus: Bus, _: Catalogue) -> list[Row]:
    baud, bits, parity, stop = bus.line
    polls_line = bus.serial and not bus.listens
    where = f"{bus.serial}, {baud} {bits}{parity}{stop}" if bus.serial else ":".join(map(str, bus.tcp or ()))
    return _rows([
        (_("serial port") if bus.serial else _("address"), where),
        (_("framing"), _PROTOCOLS.get(bus.framing) or f"Modbus {bus.framing.upper()}"),
        (_("rack and slot"), "{}, {}".format(*bus.rack_slot) if bus.rack_slot else None),
        (_("mode"), _("listens to another master; nothing is sent") if bus.listens else None),
        (_("poll interval"), f"{bus.poll_interval_s:g} s"),
        (_("listens before the first request"), f"{bus.listen_before_start_s:g} s" if polls_line else None),
        (_("timeout"), f"{bus.timeout_s:g} s" if bus.timeout_s else None),
        (_("pause between requests"), f"{bus.inter_request_delay_s:g} s" if bus.inter_request_delay_s else None),
    ])  # fmt: skip


def device_of(item: Meter | Drive, _: Catalogue) -> dict[str, Any]:
    """A meter or a drive of a bus."""
    of_meter = load_profile(item.profile).dialect == "dlt645"
    unit = address_text(item.unit_id) if of_meter else unit_text(item.unit_id)
    rows: list[tuple[str, Any]] = [(_("register map"), item.profile), (_("unit identifier"), unit)]
    if isinstance(item, Meter):
        rows += _meter(item, _)
    else:
        rows += [
            (_("fed by"), item.fed_by), (_("rated power"), f"{item.kw:g} kW" if item.kw else None),
            (_("efficiency class"), item.efficiency_class),
            (_("losses at eight points"), _("stated") if item.loss_points_w else None),
            (_("communication watchdog"), _(_COMM_LOSS[item.comm_loss])),
        ]  # fmt: skip
    return {"name": item.name, "kind": "meter" if isinstance(item, Meter) else "drive", "rows": _rows(rows)}


def _meter(item: Meter, _: Catalogue) -> list[tuple[str, Any]]:
    transformers = [
        (name, _(", ").join(filter(None, (f"{ratio[0]:g}/{ratio[1]:g} {unit}", rank and _("class {name}", name=rank)))))
        for name, ratio, unit, rank in (
            (_("current transformers"), item.ct, "A", item.ct_class),
            (_("voltage transformers"), item.vt, "V", item.vt_class),
        )
        if ratio
    ]
    return [
        (_("measuring point"), _(MEASURING_POINTS[item.measuring_point])), (_("wiring"), item.wiring),
        (_("accuracy class"), item.accuracy_class), *transformers,
        (_("ratio applied by"), _(RATIO_APPLIED_BY[item.ratio_applied_by]) if transformers else None),
        (_("serial number"), item.serial_number),
        *((_(TITLES[one.device]), _.reason(described(one))) for one in item.certificates),
        (_("fed by"), item.fed_by),
    ]  # fmt: skip


def motor_of(motor: Motor, _: Catalogue) -> dict[str, Any]:
    old = motor.replaced_motor
    before = None
    if old:
        rpm, since = f"{old.rpm:g} r/min" if old.rpm else "", old.since.isoformat() if old.since else ""
        parts = (_(MOTOR_KINDS[old.kind]), f"{old.kw:g} kW", old.efficiency_class, rpm, since)
        before = _(", ").join(filter(None, parts))
    waveform = motor.waveform
    rows = [
        (_("kind"), _(MOTOR_KINDS[motor.kind])), (_("rated power"), f"{motor.kw:g} kW"),
        (_("rated speed"), f"{motor.rpm:g} r/min"), (_("poles"), motor.poles),
        (_("rated voltage"), f"{motor.volts:g} V"),
        (_("rated current"), f"{motor.amps:g} A" if motor.amps else None),
        (_("efficiency class"), motor.efficiency_class),
        (_("rated efficiency"), f"{motor.efficiency_pct:g} %" if motor.efficiency_pct else None),
        (_("resistance of a phase at 20 °C"), f"{motor.r1_ohm:g} Ω" if motor.r1_ohm else None),
        (_("losses at seven points"), _("stated") if motor.loss_points_w else None),
        (_("fed by"), motor.fed_by), (_("replaced motor"), before),
        (_("waveforms from"), waveform.where if waveform else None),
        (_("auxiliaries"), f"{motor.auxiliary_w:g} W" if motor.auxiliary_w else None),
        *((_(_PERIODS.get(name, name)), begin.isoformat()) for name, begin in motor.periods),
        *((_(_FACTORS.get(key, key)), text) for key, text in motor.static_factors),
    ]  # fmt: skip
    return {"id": motor.name, "title": motor.title, "rows": _rows(rows)}


_PERIODS = {
    "baseline": N_("baseline period from"), "commissioning": N_("commissioning from"),
    "reporting": N_("reporting period from"),
}  # fmt: skip
_FACTORS = {
    "load": N_("unchanged: load"), "product_mix": N_("unchanged: product mix"), "ambient": N_("unchanged: ambient"),
    "maintenance": N_("unchanged: maintenance"),
}  # fmt: skip


def signal_of(name: str, values: Mapping[str, Any], _: Catalogue) -> dict[str, Any]:
    """A signal of the plant, from a register or a topic."""
    rows: list[tuple[str, Any]] = [(_("motor"), values["motor"]), (_("unit"), values["unit_of_measure"])]
    if values["topic"] is None:
        place = _("bus {bus}, unit {unit_id:d}, address {address:d}", bus=values["bus"], unit_id=values["unit_id"],
                  address=values["address"])  # fmt: skip
        rows.append((_("register"), place))
    else:
        rows.append((_("topic"), values["topic"]))
        if values["broker"] is not None:
            tls, host, port = values["broker"]
            rows += [(_("broker"), f"{host}:{port}"), ("TLS", _("yes") if tls else _("no"))]
            rows += _login(values["user"], values["password_file"], None, _)
        rows.append((_("expected every"), f"{values['expected_interval']:g} s"))
    return {"name": name, "rows": _rows(rows)}


def tariff_of(config: Config, _: Catalogue) -> dict[str, Any] | None:
    """Prices, when they apply, and the further rules; None: no prices are configured."""
    tariff = config.tariff
    if tariff is None:
        return None
    demand = tariff.demand
    rows = [
        (_("currency"), _named(tariff.currency, _)), (_("meter-reading day"), tariff.reading_day),
        (_("demand charge"), f"{demand.price:g} / {demand.per}" if demand else None),
        (_("power-factor rule"), f"{tariff.power_factor:.2f}" if tariff.power_factor else None),
        (_("holidays"), _(", ").join(day.isoformat() for day in sorted(tariff.holidays))),
    ]  # fmt: skip
    prices = [{"name": _named(name, _), "price": f"{price:g}", "when": _when(tariff, name, _)} for name, price in
              tariff.prices.items()]  # fmt: skip
    months = [
        {"month": month, "prices": _(", ").join(f"{_named(name, _)} {price:g}" for name, price in changed.items())}
        for month, changed in sorted(tariff.prices_in.items())
    ]
    return {"rows": _rows(rows), "prices": prices, "months": months}


def _named(word: str | None, _: Catalogue) -> str | None:
    """A word of the file in the language of the reader, where it is one that the report knows, too."""
    return word and (_.known(word) or word)


def _when(tariff: Tariff, name: str, _: Catalogue) -> list[str]:
    return [_period(item, _) for item in tariff.periods if item.price == name]


def _period(item: TariffPeriod, _: Catalogue) -> str:
    begin, end = (f"{quarter // 4:02d}:{15 * (quarter % 4):02d}" for quarter in item.quarters)
    days = "" if item.days == ("all",) else " " + _(", ").join(_(DAY_KINDS[day]) for day in item.days)
    months = "" if len(item.months) == 12 else " " + _("months {months}", months=tuple(map(str, item.months)))
    return f"{begin}–{end}{days}{months}"


def _broker(mqtt: Mqtt, _: Catalogue) -> list[tuple[str, Any]]:
    return [
        (_("broker"), f"{mqtt.host}:{mqtt.port}"), ("TLS", _("yes") if mqtt.tls else _("no")),
        *_login(mqtt.user, mqtt.password_file, mqtt.key, _),
        (_("MQTT version"), mqtt.version), (_("keep-alive"), f"{mqtt.keepalive_s:g} s"),
    ]  # fmt: skip


def _login(user: str | None, password: object, key: object, _: Catalogue) -> list[tuple[str, Any]]:
    """The name of the user, and that a password or a key is set."""
    return [
        (_("user"), user or _("none: anonymous")),
        *([(_("password"), SECRET)] if password else ()),
        *([(_("client key"), SECRET)] if key else ()),
    ]


def _span(seconds: float, _: Catalogue) -> str:
    if seconds >= 86400:
        return _("{n:g} d", n=round(seconds / 86400, 1))
    return _("{n:g} h", n=round(seconds / 3600, 1))


def _table(title: str, rows: Iterable[tuple[str, Any]], keep: bool = False) -> dict[str, Any]:
    return {"title": title, "rows": _rows(rows, keep)}


def _rows(rows: Iterable[tuple[str, Any]], keep: bool = False) -> list[Row]:
    """Rows with a value. keep: also those without one."""
    return [
        {"label": label, "value": "" if value is None else str(value), "secret": value is SECRET}
        for label, value in rows
        if keep or value not in (None, "")
    ]
