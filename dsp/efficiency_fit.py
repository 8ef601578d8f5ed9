"""Small systems of linear equations in plain Python, so that an agent without waveforms does not need numpy."""

from __future__ import annotations

from collections.abc import Sequence


def solved(rows: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Solve rows·x = right by Gaussian elimination with pivoting.

    Raises ValueError if the rows are singular or nearly so.
    """
    n = len(rows)
    table = [[*map(float, row), float(value)] for row, value in zip(rows, right, strict=True)]
    for k in range(n):
        best = max(range(k, n), key=lambda i: abs(table[i][k]))
        table[k], table[best] = table[best], table[k]
        pivot = table[k][k]
        if abs(pivot) < 1e-12 * max(abs(value) for value in table[k][:n] or [1.0]) or pivot == 0:
            raise ValueError("the points do not determine the surface")
        for i in range(k + 1, n):
            factor = table[i][k] / pivot
            table[i] = [a - factor * b for a, b in zip(table[i], table[k], strict=True)]
    found = [0.0] * n
    for k in reversed(range(n)):
        rest = sum(table[k][j] * found[j] for j in range(k + 1, n))
        found[k] = (table[k][n] - rest) / table[k][k]
    return found


def least_squares(rows: Sequence[Sequence[float]], right: Sequence[float]) -> list[float]:
    """Least-squares solution of rows·x = right by the normal equations; for few unknowns of similar magnitude.

    Raises ValueError if the rows do not determine x.
    """
    width = len(rows[0])
    normal = [[sum(row[a] * row[b] for row in rows) for b in range(width)] for a in range(width)]
    return solved(normal, [sum(row[a] * value for row, value in zip(rows, right, strict=True)) for a in range(width)])
