"""Run the command line on bad input, many times in one process per rank, and print what each rank said, as JSON, from rank 0.

    faults.py FOLDER      FOLDER/commands.json: name -> arguments of amr-solve

Same code path as ``amr-solve``: only the exit and the two streams are caught.
"""

import contextlib
import io
import json
import resource
import sys
from pathlib import Path

from amr.cli import solve
from amr.comm import Comm


@contextlib.contextmanager
def largest_file(size):
    """No file may grow beyond ``size`` bytes: writing fails with an OSError, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def main(folder):
    comm = Comm.world()
    found = {}
    for name, args in json.loads((Path(folder) / "commands.json").read_text()).items():
        out, err = io.StringIO(), io.StringIO()
        disk = contextlib.nullcontext()
        if name.startswith("disk full") and (name.endswith("everywhere") or comm.rank == comm.size - 1):
            disk = largest_file(10_000)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), disk:
            try:
                solve(args)
            except SystemExit as end:
                code = end.code
        found[name] = comm.gather((code, out.getvalue(), err.getvalue()))
    if comm.rank == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1])
