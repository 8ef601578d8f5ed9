"""The alarm table: every alarm that this product can raise, by code. The page alarm-table.md is generated from it."""

from __future__ import annotations

from agent.config.alarm_definition import AlarmDefinition
from agent.config.alarm_table_gateway import GATEWAY_ROWS
from agent.config.alarm_table_motor import MOTOR_ROWS

DEFINITIONS: dict[str, AlarmDefinition] = {row.code: row for row in (*MOTOR_ROWS, *GATEWAY_ROWS)}
