"""Self-test of the linear algebra of numpy: products, QR and inverse against exact integers.

A BLAS chooses its kernels by the processor. On an emulated ARM core one returned wrong products without any error, and
a month of energies was wrong by half. numpy is imported by the test, not by this module.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from agent.core.text import N_
from drivers.reasons import Code, CodedError, Reason

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LINEAR_ALGEBRA_WRONG = Code(
    "linear_algebra_wrong",
    "numpy {numpy_version} with {blas} computes wrong results on this computer ({machine}): {operations}. Nothing is "
    "calculated with it. Select a generic processor core (OPENBLAS_CORETYPE=ARMV8 on ARM, Prescott on x86) or install "
    "another build of numpy, then run `magwatt doctor`",
)
PRODUCT, COMPLEX_PRODUCT, QR, INVERSE = (
    N_("real product"), N_("complex product"), N_("QR decomposition"), N_("inverse"),
)  # fmt: skip
ROUNDING = 1e-9  # relative; QR and inverse of these matrices are right to 1e-12
_SIZES = ((17, 21, 19), (99, 5, 3), (1, 150, 1))  # edges of blocks, the shape of a regression, a scalar product


class LinearAlgebraError(CodedError):
    """numpy computes wrong results on this computer."""


def check_linear_algebra() -> None:
    """Raises LinearAlgebraError if numpy computes wrong results. Takes less than 2 ms once numpy is imported."""
    if (problem := linear_algebra_problem()) is not None:
        raise LinearAlgebraError(problem)


def linear_algebra_problem() -> Reason | None:
    """What numpy computes wrongly, with its version, its BLAS and the remedy; None: all is right."""
    wrong = tuple(dict.fromkeys(_wrong()))
    if not wrong:
        return None
    import numpy as np

    return LINEAR_ALGEBRA_WRONG(
        numpy_version=np.__version__, blas=blas_name(), machine=platform.machine(), operations=wrong
    )


def blas_name() -> str:
    """Name and version of the BLAS that numpy was built with."""
    import numpy as np

    built: Any = np.show_config(mode="dicts")
    blas = built.get("Build Dependencies", {}).get("blas", {})
    return f"{blas.get('name', 'BLAS')} {blas.get('version', '')}".strip()


def _wrong() -> Iterator[str]:
    import numpy as np

    for n, k, m in _SIZES:
        a, b = _integers(n, k, 1), _integers(k, m, 2)
        c, d = _integers(n, k, 3), _integers(k, m, 4)
        if not np.array_equal(np.matmul(a, b), _product(a, b)):
            yield PRODUCT
        if not np.array_equal(np.matmul(a.T, a), _product(a.T, a)):  # by another routine: the result is symmetric
            yield PRODUCT
        if not np.array_equal(np.matmul(a, b[:, 0]), _product(a, b[:, :1])[:, 0]):
            yield PRODUCT
        real, imaginary = _product(a, b) - _product(c, d), _product(a, d) + _product(c, b)
        if not np.array_equal(np.matmul(a + 1j * c, b + 1j * d), real + 1j * imaginary):
            yield COMPLEX_PRODUCT
    signs, upper = _orthogonal(16), np.triu(_integers(16, 16, 5) + 20 * np.eye(16))
    q, r = np.linalg.qr(_product(signs, upper))
    turned = np.sign(np.diag(r))  # the decomposition is unique up to the signs of the rows of R
    if not (_close(turned[:, None] * r, 4 * upper) and _close(q * turned, signs / 4)):
        yield QR
    lower, inverse = _binomials(6)
    if not _close(np.linalg.inv(_product(lower, lower.T)), _product(inverse.T, inverse)):
        yield INVERSE


def _integers(n: int, k: int, seed: int) -> NDArray[np.float64]:
    """Integers from −8 to 8, shape (n, k): sums of their products are exact in double precision."""
    import numpy as np

    i, j = np.indices((n, k))
    return ((7 * i * i + 5 * i * j + 3 * j + seed * (i + 2 * j)) % 17 - 8).astype(np.float64)


def _product(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix product by elements, without BLAS."""
    found: NDArray[np.float64] = (a[:, :, None] * b[None, :, :]).sum(axis=1)
    return found


def _orthogonal(n: int) -> NDArray[np.float64]:
    """Hadamard matrix of Sylvester: HᵀH = n·1. n: a power of 2."""
    import numpy as np

    found = np.ones((1, 1))
    while len(found) < n:
        found = np.block([[found, found], [found, -found]])
    return found


def _binomials(n: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The lower triangular matrix of binomial coefficients and its inverse, (−1)^(i+j) times the same."""
    import numpy as np

    found = np.eye(n)
    for row in range(1, n):
        found[row, 1:] = found[row - 1, 1:] + found[row - 1, :-1]
        found[row, 0] = 1
    i, j = np.indices((n, n))
    return found, found * (-1.0) ** (i + j)


def _close(found: NDArray[np.floating[Any]], exact: NDArray[np.float64]) -> bool:
    import numpy as np

    return bool(np.abs(found - exact).max() <= ROUNDING * np.abs(exact).max())
