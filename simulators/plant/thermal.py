"""Three temperatures of a motor: winding, rotor (magnets or cage), frame with core. Both heat the frame; the air cools
it.

C·dT/dt = P − G·T, T above ambient, solved exactly for constant heat over any step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from simulators.plant import validation
from simulators.plant.phasors import Floats
from simulators.plant.train import TrainLosses


class Heat(NamedTuple):
    """Losses by place of origin, W."""

    winding_w: float
    rotor_w: float
    frame_w: float


def heat_of(losses: TrainLosses) -> Heat:
    """Return the heat of each part: copper loss in the winding, additional loss on the rotor, core and mechanical loss
    in the frame.
    """
    return Heat(losses.copper_w, losses.additional_w, losses.core_w + losses.mechanical_w)


@dataclass(frozen=True, slots=True)
class Network:
    """Thermal network. Conductances (W/K) from winding and rotor to the frame and from the frame to the air; capacities
    (J/K).

    Raises ValueError for a value that is not positive.
    """

    winding_w_k: float
    rotor_w_k: float
    frame_w_k: float
    winding_j_k: float
    rotor_j_k: float
    frame_j_k: float

    def __post_init__(self) -> None:
        validation.positive("thermal network", self, " ".join(self.__slots__))


def network_of(rated: Heat, rise_k: float, *, frame_share: float = 0.55, rotor_share: float = 0.75) -> Network:
    """Return a network whose winding is rise_k above ambient at the rated losses.

    ASSUMPTION (usual for totally enclosed motors, not measured): at the rated point the frame has 55 % of that rise
    and the rotor 75 %; time constants 4 min of the winding, 25 min of the rotor, 45 min of the frame.
    """
    frame_k = frame_share * rise_k
    g_winding = rated.winding_w / (rise_k - frame_k)
    g_rotor = rated.rotor_w / (rotor_share * rise_k - frame_k)
    g_frame = sum(rated) / frame_k
    return Network(g_winding, g_rotor, g_frame, 240 * g_winding, 1500 * g_rotor, 2700 * g_frame)


class Temperatures(NamedTuple):
    """Temperatures, °C."""

    winding: float
    rotor: float
    frame: float


class Thermal:
    """Temperatures of one motor. `step` advances time. Starts at ambient temperature."""

    def __init__(self, network: Network, ambient_degc: float = 25.0) -> None:
        self.network, self.ambient_degc = network, ambient_degc
        self._rise: Floats = np.zeros(3)
        self.cooling = 1.0
        self._prepare()

    def cool(self, share: float) -> None:
        """Set the conductance from the frame to the air, relative to that of the network."""
        if share != self.cooling:
            self.cooling = share
            self._prepare()

    def _prepare(self) -> None:
        n = replace(self.network, frame_w_k=self.network.frame_w_k * self.cooling)
        g = np.array(
            [
                [n.winding_w_k, 0.0, -n.winding_w_k],
                [0.0, n.rotor_w_k, -n.rotor_w_k],
                [-n.winding_w_k, -n.rotor_w_k, n.winding_w_k + n.rotor_w_k + n.frame_w_k],
            ]
        )
        self._inverse: Floats = np.linalg.inv(g)
        root = np.sqrt(np.array([n.winding_j_k, n.rotor_j_k, n.frame_j_k]))
        self._rates, vectors = np.linalg.eigh(g / root[:, None] / root)  # symmetric, so numerically well-behaved
        self._to, self._back = vectors.T * root, vectors / root[:, None]

    @property
    def degc(self) -> Temperatures:
        return Temperatures(*(self.ambient_degc + float(k) for k in self._rise))

    def step(self, heat: Heat, dt_s: float) -> Temperatures:
        """Advance by dt_s of constant heat. Exact: two half steps equal one step."""
        end = self._inverse @ np.array(heat)
        self._rise = end + self._back @ (np.exp(-self._rates * dt_s) * (self._to @ (self._rise - end)))
        return self.degc
