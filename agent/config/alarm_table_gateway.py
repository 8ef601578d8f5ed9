"""Rows of the alarm table: devices, buses, and the gateway itself."""

from __future__ import annotations

from agent.config.alarm_definition import AlarmDefinition
from drivers.reasons import N_

_NOT_MEASURED = N_("Nothing is measured: no saving is counted, and no fault of the motor is seen.")
_DOCTOR = N_("`magwatt doctor` finds the cause.")
_DATA_LOST = N_("Measured values are lost.")
_HOUR_MIN, _DAY_MIN = 60.0, 1440.0

BACKLOG_ROWS = 600  # more than a minute of ten rows a second, which a reconnection clears
DISK_MB, SPOOL_H, CERTIFICATE_D = (500, 50), (72, 1), (30, 7)  # limits; 72 h: a long weekend

GATEWAY_ROWS = (
    AlarmDefinition(
        code="no_reply", title=N_("a device does not respond"), priority="medium", respond_min=30,
        consequence=_NOT_MEASURED,
        advice=(N_("Check the supply and the communication cable of the device."), _DOCTOR),
        on_delay_s=15, off_delay_s=15, suppresses=frozenset(("no_value", "sensor_fault", "contradiction")),
    ),
    AlarmDefinition(
        code="no_value", title=N_("no usable value"), priority="medium", respond_min=30, consequence=_NOT_MEASURED,
        advice=(N_("Open the view of the motor: it names the value and the cause."), _DOCTOR),
        on_delay_s=60, off_delay_s=15,
    ),
    AlarmDefinition(
        code="wiring", title=N_("the wiring of a meter is wrong"), priority="medium", respond_min=_DAY_MIN,
        consequence=N_("Power, efficiency and saving of this motor are wrong."),
        advice=(N_("Disconnect and lock out."),
                N_("Open Commissioning: it names conductors to exchange, or a ratio to correct.")),
        on_delay_s=60, off_delay_s=60,
        suppresses=frozenset(("contradiction", "supply_unbalance", "current_unbalance", "winding_asymmetry")),
    ),
    AlarmDefinition(
        code="contradiction", title=N_("measured values contradict each other"), priority="low", respond_min=_DAY_MIN,
        consequence=N_("No efficiency and no saving of this motor are published."),
        advice=(N_("Open the view of the motor: it names the value and the cause."),
                N_("Compare nameplate, transformer ratio and wiring with the configuration.")),
        on_delay_s=60, off_delay_s=60,
    ),
    AlarmDefinition(
        code="registers_disabled", title=N_("registers not confirmed"), priority="low", respond_min=7 * _DAY_MIN,
        consequence=N_("The values of these registers are not read."),
        advice=(N_("Run `magwatt commission` for the device: it compares each register with the display."),),
    ),
    AlarmDefinition(
        code="bus_failure", scope="gateway", title=N_("no device of a bus responds"), priority="high", respond_min=15,
        consequence=N_("Nothing is measured at the motors of this bus; magnet motors among them count as live."),
        advice=(
            N_("Treat the terminals of magnet motors on this bus as live."),
            N_("Check adapter, cable and termination of the bus, and whether another master is active."), _DOCTOR,
        ),
        on_delay_s=10, off_delay_s=10,
        suppresses=frozenset(("no_reply", "no_value", "polls_failing", "sensor_fault", "contradiction",
                              "live_terminals")),
    ),
    AlarmDefinition(
        code="polls_failing", scope="gateway",
        title=N_("many polls of a bus fail"), priority="low", respond_min=_DAY_MIN,
        consequence=N_("Values are late or missing."),
        advice=(N_("Check shield, termination and cable of the bus."), _DOCTOR), on_delay_s=300, off_delay_s=300,
    ),
    AlarmDefinition(
        code="topics_silent", scope="gateway",
        title=N_("topics of signals are silent"), priority="low", respond_min=_DAY_MIN,
        consequence=N_("What depends on these signals is not computed."),
        advice=(N_("Check the source of the topics."), _DOCTOR), on_delay_s=60, off_delay_s=60,
    ),
    AlarmDefinition(
        code="gateway_offline", scope="gateway", title=N_("gateway offline"), priority="high", respond_min=30,
        consequence=_NOT_MEASURED,
        advice=(N_("Start the agent: `sudo systemctl start magwatt`."), N_("Read its log: `journalctl -u magwatt`.")),
        on_delay_s=60, off_delay_s=5, suppresses=frozenset(("no_reply", "no_value", "bus_failure")),
    ),
    AlarmDefinition(
        code="disk", scope="gateway",
        title=N_("the disk is almost full"), priority="low", priority_alarm="high", respond_min=_DAY_MIN,
        consequence=_DATA_LOST, unit="MB", limits=DISK_MB, direction="low", deadband=50,
        advice=(N_("Delete other files on this disk, or lower `quota` in [store]."),), on_delay_s=60, off_delay_s=60,
        suppresses=frozenset(("store", "spool", "rows_dropped")),
    ),
    AlarmDefinition(
        code="store", scope="gateway",
        title=N_("the state file cannot be written"), priority="high", respond_min=_HOUR_MIN,
        consequence=N_("Values that are not sent before the next restart are lost."),
        advice=(N_("Check the disk and the rights of the state directory."), _DOCTOR), on_delay_s=10, off_delay_s=10,
        suppresses=frozenset(("rows_dropped",)),
    ),
    AlarmDefinition(
        code="spool", scope="gateway",
        title=N_("the spool fills up"), priority="low", priority_alarm="high", respond_min=_DAY_MIN,
        consequence=_DATA_LOST, unit="h", limits=SPOOL_H, direction="low", deadband=1,
        advice=(N_("Connect the broker again, or raise `quota` in [store]."),), on_delay_s=60, off_delay_s=60,
        suppresses=frozenset(("backlog",)),
    ),
    AlarmDefinition(
        code="rows_dropped", scope="gateway", title=N_("rows have been dropped"), priority="low", respond_min=_DAY_MIN,
        consequence=_DATA_LOST, advice=(N_("Look for a full disk or an unreachable broker in the events."),),
        off_delay_s=60,
    ),
    AlarmDefinition(
        code="backlog", scope="gateway",
        title=N_("many rows wait for the broker"), priority="low", respond_min=_HOUR_MIN,
        consequence=N_("Others see old values."), advice=(N_("Check the connection to the broker."), _DOCTOR),
        on_delay_s=300, off_delay_s=60,
    ),
    AlarmDefinition(
        code="certificate", scope="gateway", title=N_("a certificate expires"), priority="low", priority_alarm="high",
        respond_min=7 * _DAY_MIN, consequence=N_("The connection to the broker ends on that day."), unit="d",
        limits=CERTIFICATE_D, direction="low", advice=(N_("Renew the certificate of the broker or of this client."),),
    ),
    AlarmDefinition(
        code="clock", scope="gateway", title=N_("the clock is not synchronized"), priority="low", respond_min=_DAY_MIN,
        consequence=N_("Values get wrong times."),
        advice=(N_("Let the clock follow a time server."), _DOCTOR), on_delay_s=600, off_delay_s=60,
    ),
    AlarmDefinition(
        code="processing", scope="gateway", title=N_("the agent skips values"), priority="low", respond_min=_DAY_MIN,
        consequence=_DATA_LOST, advice=(N_("Read its log: `journalctl -u magwatt`."),), on_delay_s=60, off_delay_s=60,
    ),
)  # fmt: skip
