"""Units of metrics as EUInformation of OPC 10000-8, 5.6.4.3: common codes of UNECE Recommendation 20."""

from __future__ import annotations

from functools import cache

from asyncua import ua

NAMESPACE = "http://www.opcfoundation.org/UA/units/un/cefact"
NO_CODE = -1  # OPC 10000-8: a unit that the recommendation does not contain
CODES = {
    "W": "WTT", "kW": "KWT", "var": "D44", "VA": "D46", "V": "VLT", "A": "AMP", "Hz": "HTZ", "%": "P1", "rpm": "RPM",
    "Nm": "NU", "Wh": "WHR", "kWh": "KWH", "MWh": "MWH", "GWh": "GWH", "kvarh": "K3", "kVAh": "C79", "degC": "CEL",
    "deg": "DD", "s": "SEC", "ms": "C26", "h": "HUR", "d": "DAY", "m3/h": "MQH", "bar": "BAR",
}  # fmt: skip
SIGNS = {"degC": "°C", "deg": "°", "m3/h": "m³/h"}


@cache
def unit_information(unit: str) -> ua.EUInformation:
    """unit: as in the metrics table, not empty."""
    code = CODES.get(unit)
    number = int.from_bytes(code.encode(), "big") if code else NO_CODE
    text = ua.LocalizedText(SIGNS.get(unit, unit))
    return ua.EUInformation(NAMESPACE, number, text, text)
