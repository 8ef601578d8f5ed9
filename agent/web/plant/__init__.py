"""The Plant view and the Alarms view: motors, power flow, findings, events."""
