"""A periodic or outflow domain of a single block (or of blocks cut from one array) for the kernel tests: no mesh, no transfer."""

import numpy as np

from amr._kernels import step
from amr.mesh.pool import Layout
from amr.physics import create_physics
from amr.scheme.flux import create_scheme


class OneBlock:
    """One block of n^dim cells on [0, 1]^dim with ghosts filled by NumPy."""

    def __init__(self, name, dim, n, parameters=None, mode="wrap", g=None, spacing=None, **scheme):
        self.physics = create_physics(name, dim, parameters)
        self.scheme = create_scheme(self.physics, **scheme)
        self.layout = Layout(dim, n, g or self.scheme.ghosts, self.physics.n_var)
        self.mode, self.n, self.dim = mode, n, dim
        self.u = np.zeros((1, *self.layout.shape))
        self.spacing = np.ones((1, 3))
        self.spacing[0, :dim] = 1.0 / n if spacing is None else spacing
        self.scratch = np.full(step.scratch_size(self.layout), np.nan)
        self.inner = (0, slice(None), *self.layout.interior)
        x = (np.arange(n) + 0.5) / n
        self.x = np.stack(np.meshgrid(*([x] * dim), indexing="ij")).T.reshape(-1, dim).T  # (dim, cells), x fastest

    def set(self, w):
        """Interior from primitive states (n_var, cells) by mid-point values."""
        self.u[self.inner] = self.physics.to_conserved(np.asarray(w)).reshape(self.u[self.inner].shape)

    def fill(self, u):
        pad = [(0, 0)] + [(g, g) for g in self.layout.ghost[::-1]]
        u[0] = np.pad(u[self.inner], pad, mode=self.mode)

    def signal(self):
        signal, n_bad, _ = step.check(self.physics.spec, self.layout, self.u, self.spacing)
        assert n_bad[0] == 0
        return signal[0]

    def advance(self, dt, u_in=None, u0=None, u_out=None, a=0.0, b=1.0, **more):
        u_in = self.u if u_in is None else u_in
        u_out = self.u if u_out is None else u_out
        blocks = np.zeros(1, dtype=np.int32)
        options = {**self.scheme.kernel_options, **more}
        return step.advance(
            self.physics.spec,
            self.layout,
            u_in,
            u_in if u0 is None else u0,
            u_out,
            blocks,
            self.spacing,
            self.scratch,
            dt=dt,
            a=a,
            b=b,
            **options,
        )

    def step(self, dt, **more):
        u0 = self.u.copy()
        for a, b in self.scheme.integrator.stages:
            self.fill(self.u)
            self.advance(dt, u0=u0, a=a, b=b, **more)

    def run(self, end, cfl=0.8):
        t = 0.0
        while t < end:
            dt = min(cfl / self.signal(), end - t)
            self.step(dt)
            t = end if t + dt >= end else t + dt
        return self.primitives()

    def run_evenly(self, end, cfl=0.8):
        """Steps of one size, at the same cfl for every n, so that errors of different n compare."""
        n_step = int(np.ceil(end * self.signal() / cfl / (self.n // 8))) * (self.n // 8)
        for _ in range(n_step):
            self.step(end / n_step)
        return self.primitives()

    def primitives(self):
        return self.physics.to_primitive(self.u[self.inner]).reshape(self.physics.n_var, -1)
