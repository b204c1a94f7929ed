"""Feeds every broken case file of a directory to the command line in one process per rank; rank 0 prints what came out.

Usage: broken_cli.py DIRECTORY. The names are those of tests/broken_cases.py, in its order, as 000.toml, 001.toml ...
"""

import contextlib
import io
import json
import sys
from pathlib import Path

from amr.cli import _solve
from amr.comm import Comm

comm = Comm.world()
results = {}
for path in sorted(Path(sys.argv[1]).glob("*.toml")):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = _solve.main([str(path)], standalone_mode=False)
    results[path.name] = (status, out.getvalue(), err.getvalue())
gathered = comm.gather(results)
if comm.rank == 0:
    print(json.dumps(gathered))
