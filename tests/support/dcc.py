"""Digital calibration certificates for tests, from the element names of PTB's schemas (DCC 3.x, D-SI 1.3 to 2.2)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

NAMESPACES = 'xmlns:dcc="https://ptb.de/dcc" xmlns:si="https://ptb.de/si"'


def text(name: str, content: str) -> str:
    return f"<dcc:{name}><dcc:content>{escape(content)}</dcc:content></dcc:{name}>"


def values(errors: str, unit: str, uncertainty: str = "", factor: str = "2") -> str:
    """A list of values in a later D-SI; uncertainty "": none."""
    spread = (
        "<si:measurementUncertaintyUnivariateXMLList><si:expandedMUXMLList>"
        f"<si:valueExpandedMUXMLList>{uncertainty}</si:valueExpandedMUXMLList>"
        f"<si:coverageFactorXMLList>{factor}</si:coverageFactorXMLList>"
        "<si:coverageProbabilityXMLList>0.95</si:coverageProbabilityXMLList>"
        "</si:expandedMUXMLList></si:measurementUncertaintyUnivariateXMLList>"
    )
    return (
        f"<si:realListXMLList><si:valueXMLList>{errors}</si:valueXMLList><si:unitXMLList>{unit}</si:unitXMLList>"
        f"{spread if uncertainty else ''}</si:realListXMLList>"
    )


def values_1(errors: str, unit: str, uncertainty: str, factor: str = "2") -> str:
    """The same in an earlier D-SI."""
    return (
        f"<si:realListXMLList><si:valueXMLList>{errors}</si:valueXMLList><si:unitXMLList>{unit}</si:unitXMLList>"
        f"<si:expandedUncXMLList><si:uncertaintyXMLList>{uncertainty}</si:uncertaintyXMLList>"
        f"<si:coverageFactorXMLList>{factor}</si:coverageFactorXMLList></si:expandedUncXMLList></si:realListXMLList>"
    )


def single(error: str, unit: str, uncertainty: str, factor: str = "2") -> str:
    """One value in a later D-SI."""
    return (
        f"<si:real><si:value>{error}</si:value><si:unit>{unit}</si:unit><si:measurementUncertaintyUnivariate>"
        f"<si:expandedMU><si:valueExpandedMU>{uncertainty}</si:valueExpandedMU><si:coverageFactor>{factor}"
        "</si:coverageFactor><si:coverageProbability>0.95</si:coverageProbability></si:expandedMU>"
        "</si:measurementUncertaintyUnivariate></si:real>"
    )


def quantity(value: str, kind: str = "basic_measurementError") -> str:
    return f'<dcc:quantity refType="{kind}">{value}</dcc:quantity>'


LOADS = quantity(values("1 5 100 100", r"\percent"), "basic_nominalValue")
ERRORS = quantity(values("0.04 -0.12 0.02 0.03", r"\percent", "0.05 0.05 0.04 0.06"))  # largest: 0.12 + 0.05 = 0.17 %


def result(*quantities: str, name: str = "Active energy, import") -> str:
    return (
        f"<dcc:result>{text('name', name)}<dcc:data><dcc:list>{''.join(quantities)}</dcc:list></dcc:data></dcc:result>"
    )


def item(*serial_numbers: str) -> str:
    stated = "".join(
        f"<dcc:identification><dcc:issuer>{issuer}</dcc:issuer><dcc:value>{number}</dcc:value></dcc:identification>"
        for issuer, number in (*(("manufacturer", number) for number in serial_numbers), ("customer", "MCC 12"))
    )
    return f"<dcc:item>{text('name', 'Meter')}<dcc:identifications>{stated}</dcc:identifications></dcc:item>"


def certificate(
    *results: str, version: str = "3.2.1", number: str = "E2026-0815", issued: str = "2026-03-01",
    recalibration: str = "2099-02-28", items: Sequence[str] = (item("22091734"),), laboratory: str = "省计量院",
    performed: str = "2026-02-20",
) -> str:  # fmt: skip
    """A certificate; empty texts leave their elements out."""
    issue = f"<dcc:issueDate>{issued}</dcc:issueDate>" if issued else ""
    until = (
        '<dcc:statements><dcc:statement refType="basic_recalibration"><dcc:date>'
        f"{recalibration}</dcc:date></dcc:statement></dcc:statements>"
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<dcc:digitalCalibrationCertificate {NAMESPACES} schemaVersion="{version}"><dcc:administrativeData>
<dcc:coreData><dcc:uniqueIdentifier>{escape(number)}</dcc:uniqueIdentifier>
<dcc:beginPerformanceDate>{performed}</dcc:beginPerformanceDate>
<dcc:endPerformanceDate>{performed}</dcc:endPerformanceDate>{issue}</dcc:coreData>
<dcc:items>{"".join(items)}</dcc:items>
<dcc:calibrationLaboratory><dcc:contact>{text("name", laboratory)}</dcc:contact></dcc:calibrationLaboratory>
{until if recalibration else ""}</dcc:administrativeData><dcc:measurementResults><dcc:measurementResult>
{text("name", "Results")}<dcc:results>{"".join(results or (result(LOADS, ERRORS),))}</dcc:results>
</dcc:measurementResult></dcc:measurementResults></dcc:digitalCalibrationCertificate>
"""
