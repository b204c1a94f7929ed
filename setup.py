"""Compile the C core (csrc/) once and link every Cython module of amr/_kernels against it.

Neither Python.h nor mpi.h is seen by csrc/, and the modules link neither MPI nor PETSc: one wheel serves any MPI.
Only what changed is compiled, on all cores; objects live in build/, one folder per set of flags, whoever calls (pip makes
temporary folders of its own otherwise). AMR_CFLAGS and AMR_LDFLAGS are added to the flags, AMR_JOBS limits the processes.
"""

import hashlib
import os
import sysconfig
from concurrent.futures import ThreadPoolExecutor
from glob import glob

import Cython
from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

# -fno-wrapv: distutils adds -fwrapv, which hides overflows from UBSan and costs vectorisation.
CFLAGS = ["-std=gnu11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=off", "-fno-wrapv"]
# -g1: line numbers for profiles and crashes; the whole -g of distutils takes a third of the compile time.
CFLAGS += ["-g1", "-Wall", "-Wextra"]
# Cython's own C has no hot loop, and is not warning-free under -Wextra.
MODULE_CFLAGS = [*CFLAGS, "-O1", "-Wno-unused-parameter", "-Wno-sign-compare", "-Wno-missing-field-initializers"]
EXTRA = os.environ.get("AMR_CFLAGS", "").split()
CFLAGS += EXTRA
MODULE_CFLAGS += EXTRA
LDFLAGS = os.environ.get("AMR_LDFLAGS", "").split()
_SETTING = repr(
    (CFLAGS, MODULE_CFLAGS, LDFLAGS, sysconfig.get_config_vars("CC", "CFLAGS", "SOABI"), os.environ.get("CC"))
)
OBJECTS = os.path.join("build", "objects-" + hashlib.sha256(_SETTING.encode()).hexdigest()[:8])


def is_newer(target: str, sources: list[str]) -> bool:
    """Whether ``target`` exists and no source is missing or younger."""
    if not os.path.exists(target):
        return False
    made = os.path.getmtime(target)
    return all(os.path.exists(source) and os.path.getmtime(source) <= made for source in sources)


class BuildExt(build_ext):
    """``build_ext`` that recompiles a file only when it or a header it includes has changed."""

    def compile_object(self, source: str, flags: list[str]) -> str:
        target = os.path.join(OBJECTS, os.path.splitext(source)[0] + ".o")
        listing = target[:-2] + ".d"
        if os.path.exists(listing):
            with open(listing) as file:
                depends = file.read().replace("\\\n", " ").split()[1:]
            if is_newer(target, depends):
                return target
        os.makedirs(os.path.dirname(target), exist_ok=True)
        self.compiler.compile(
            [source], output_dir=OBJECTS, include_dirs=["csrc"], extra_postargs=[*flags, "-MMD", "-MF", listing]
        )
        return target

    def build_extensions(self) -> None:
        with ThreadPoolExecutor(int(os.environ.get("AMR_JOBS") or os.cpu_count() or 1)) as threads:
            core = threads.map(lambda source: self.compile_object(source, CFLAGS), sorted(glob("csrc/*.c")))
            modules = threads.map(lambda module: self.compile_object(module.sources[0], MODULE_CFLAGS), self.extensions)
            core, modules = list(core), list(modules)
        archive = os.path.join(OBJECTS, self.compiler.library_filename("amr_core"))
        if not is_newer(archive, core):
            if os.path.exists(archive):
                os.remove(archive)  # ar would keep the members of sources that are gone
            self.compiler.create_static_lib(core, "amr_core", output_dir=OBJECTS)
        for extension, compiled in zip(self.extensions, modules, strict=True):
            shared = compiled[:-2] + ".so"
            if not is_newer(shared, [compiled, archive]):
                self.compiler.link_shared_object([compiled, archive], shared, libraries=["m"], extra_postargs=LDFLAGS)
            target = self.get_ext_fullpath(extension.name)
            self.mkpath(os.path.dirname(target))
            self.force = True  # copy_file would keep a younger module that other flags have made
            self.copy_file(shared, target)


setup(
    ext_modules=cythonize(
        [
            Extension("amr._kernels." + os.path.basename(path)[:-4], [path], include_dirs=["csrc"])
            for path in sorted(glob("amr/_kernels/*.pyx"))
        ],
        build_dir=os.path.join("build", "cython-" + Cython.__version__),
        language_level=3,
        compiler_directives={"boundscheck": False, "wraparound": False},
    ),
    cmdclass={"build_ext": BuildExt},
)
