"""Problems: initial, exact and boundary states, one file each. The table is what ``[problem] name`` may be."""

from __future__ import annotations

from amr.problems.acoustic_pulse import AcousticPulse
from amr.problems.barenblatt import Barenblatt
from amr.problems.base import Problem
from amr.problems.blast import Blast
from amr.problems.constant import Constant
from amr.problems.dam_break import DamBreak
from amr.problems.double_mach import DoubleMach
from amr.problems.euler_wave import EulerWave
from amr.problems.implosion import Implosion
from amr.problems.isentropic_vortex import IsentropicVortex
from amr.problems.jeans import Jeans
from amr.problems.kelvin_helmholtz import KelvinHelmholtz
from amr.problems.langevin import Langevin
from amr.problems.morphogen import Morphogen
from amr.problems.rayleigh_taylor import RayleighTaylor
from amr.problems.riemann import Riemann
from amr.problems.riemann_2d import Riemann2D
from amr.problems.sedov import Sedov
from amr.problems.shu_osher import ShuOsher
from amr.problems.sine import Sine
from amr.problems.slotted_disc import SlottedDisc
from amr.problems.spots import Spots
from amr.problems.taylor_green import TaylorGreen
from amr.problems.wave_packet import WavePacket
from amr.problems.woodward_colella import WoodwardColella

PROBLEMS: dict[str, type[Problem]] = {
    "acoustic_pulse": AcousticPulse,
    "barenblatt": Barenblatt,
    "blast": Blast,
    "constant": Constant,
    "dam_break": DamBreak,
    "double_mach": DoubleMach,
    "euler_wave": EulerWave,
    "implosion": Implosion,
    "isentropic_vortex": IsentropicVortex,
    "jeans": Jeans,
    "kelvin_helmholtz": KelvinHelmholtz,
    "langevin": Langevin,
    "morphogen": Morphogen,
    "rayleigh_taylor": RayleighTaylor,
    "riemann": Riemann,
    "riemann_2d": Riemann2D,
    "sedov": Sedov,
    "shu_osher": ShuOsher,
    "sine": Sine,
    "slotted_disc": SlottedDisc,
    "spots": Spots,
    "taylor_green": TaylorGreen,
    "wave_packet": WavePacket,
    "woodward_colella": WoodwardColella,
}
