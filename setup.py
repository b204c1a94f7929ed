"""Build the C core (csrc/) once as a static library and link every Cython module of amr/_kernels against it.

Neither Python.h nor mpi.h is seen by csrc/, and the modules link neither MPI nor PETSc: one wheel serves any MPI.
"""

import os
from glob import glob

from Cython.Build import cythonize
from setuptools import Extension, setup

CFLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-fopenmp-simd", "-ffp-contract=off", "-Wall", "-Wextra"]
CFLAGS += os.environ.get("AMR_CFLAGS", "").split()
LDFLAGS = os.environ.get("AMR_LDFLAGS", "").split()
HEADERS = sorted(glob("csrc/*.h"))

core = (
    "amr_core",
    {"sources": sorted(glob("csrc/*.c")), "include_dirs": ["csrc"], "cflags": CFLAGS, "obj_deps": {"": HEADERS}},
)
modules = [
    Extension(
        "amr._kernels." + os.path.basename(path)[:-4],
        [path],
        include_dirs=["csrc"],
        depends=[*HEADERS, *core[1]["sources"]],
        # Cython's own C is not warning-free under -Wextra; ours is compiled with it above.
        extra_compile_args=[*CFLAGS, "-Wno-unused-parameter", "-Wno-sign-compare", "-Wno-missing-field-initializers"],
        extra_link_args=LDFLAGS,
        libraries=["m"],
    )
    for path in sorted(glob("amr/_kernels/*.pyx"))
]

setup(
    libraries=[core],
    ext_modules=cythonize(modules, language_level=3, compiler_directives={"boundscheck": False, "wraparound": False}),
)
