"""Months for the confirmation sheet: long names, several motors, three formulas, every cause of a difference."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from support import contract
from support.contract_month import FROM_MS, issued, month_document

from agent.contract.amounts import MonthFigures, PriceEnergies, amount_of
from agent.contract.month_reader import amount_texts, first_day, motor_texts
from agent.contract.month_states import revision_of
from agent.contract.plan_versions import PlanVersion

TITLES = (
    "1#高压除鳞泵（热轧带钢厂水处理站）",
    "2#除尘风机（转炉二次除尘系统）",
    "3#冷却塔循环水泵",
    "4#助燃风机（步进式加热炉）",
)
TERMS: tuple[dict[str, Any], ...] = (
    {"formula": "saving_rate", "saving_rate": "0.2350"},
    {"formula": "adjusted_baseline"},
    {"formula": "specific_energy", "specific_energy_kwh": "4.125", "quantity": "m3"},
    {"formula": "direct_comparison", "reference_kw": "118.4"},
)
COUNTED = {
    "specific_energy": {"counted": {"compared": "17200.000", "measured": "18100.250"}},
    "direct_comparison": {"counted": {"compared": "2500000", "measured": "2587400.000"}},
}
QUANTITY = Decimal("18250.125")
ASSUMPTIONS = [
    {"code": "season_not_covered", "data": {"n": 12, "limit_d": 45, "most_d": 61}},
    {"code": "driver_uncalibrated", "data": {
        "driver": "flow_m3_h", "error": {"code": "error_unknown", "data": {}}, "u95_wh": "520000",
        "without_u95_wh": "310000",
    }},
]  # fmt: skip


def plan_of_motors(n: int) -> PlanVersion:
    """A plan of some motors at one price, signed by both parties."""
    body = contract.document(
        price__per_kwh={"flat": "0.6125"}, project__title="2#高炉除尘风机与热轧水处理站永磁电机节能改造项目",
        project__boundary="自变频器输入侧电能表至电机轴端；含变频器冷却风机，不含泵与风机本体、管网和阀门",
        party__customer__title="某某钢铁集团第二炼钢有限责任公司",
        party__energy_service_company__title="某某绿色电机系统节能技术服务股份有限公司",
    )  # fmt: skip
    base = body["motor"].pop("fan")
    for title, terms, number in zip(TITLES[:n], TERMS, range(1, n + 1), strict=False):
        body["motor"][f"motor-{number}"] = {**base, **terms, "title": title, "baseline": f"{number:x}" * 64,
                                            "boundary": f"变频器输入侧电能表 mcc-{number}"}  # fmt: skip
    return contract.signed(body)


def month_of_motors(n: int) -> tuple[dict[str, Any], PlanVersion]:
    """October of these motors, and the plan."""
    plan = plan_of_motors(n)
    body = month_document(plan)
    base = body["motor"].pop("fan")
    rows = {name: [61_234_567 + 7_000 * k, 58_111_222, 74_900_333] for k, name in enumerate(plan.plan.motors)}
    hour = [FROM_MS + 3_600_000, FROM_MS + 7_200_000]
    for name, row in rows.items():
        body["motor"][name] = {
            **base, "energies": {"flat": row}, "quantity": str(QUANTITY), "running_s": 2_600_000,
            "excluded": [[*hour, "above_range"], [hour[1], hour[1] + 900_000, "polling_incomplete"]],
            "excluded_wh": {"above_range": 2_000_000, "polling_incomplete": row[0] - row[1] - 2_000_000},
            "decisions": [{"line": "ef" * 32, "event": 3, "decision": "adjust", "energy_wh": {"flat": 1_500_000}}],
            **COUNTED.get(plan.plan.motors[name].formula, {}),
            "recalculated": [[FROM_MS, 25_000]], "unmeasured_s": 12_600, "assumptions": ASSUMPTIONS,
        }  # fmt: skip
    figures = {name: MonthFigures({"flat": PriceEnergies(*row)}, 2_600_000, QUANTITY) for name, row in rows.items()}
    month = revision_of(issued(body), "month.json", [plan]).month
    amount = amount_of(plan.plan, first_day(month, plan.plan), figures)
    for name, motor in amount.motors.items():
        body["motor"][name]["contract_kwh"], body["motor"][name]["adjusted_kwh"] = motor_texts(motor)
    texts = amount_texts(amount)
    body["amount"] = {key: getattr(texts, key) for key in texts.__struct_fields__}
    return body, plan
