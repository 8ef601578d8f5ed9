"""The Plant view: motors, power flow, findings, events."""
