"""How a command runs on the ranks of a job: on which of them, and what becomes of errors."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from amr.errors import AMRError

if TYPE_CHECKING:
    from amr.comm import Comm


def run_collective(action: Callable[[Comm], int]) -> int:
    """Run a collective action on the ranks that have a core; return the exit status, the same on every rank.

    Lower layers raise one AMRError on every rank; rank 0 tells it. Anything else is a defect of the program: its traceback is
    printed by the rank it happened on, and the others are stopped, because they would wait for it for ever.
    """
    from amr.comm.program import check_launcher, end_together, rest, share_cores

    if not share_cores():
        return rest()
    from amr.comm import Comm

    comm = Comm.world()
    try:
        check_launcher()
        status = action(comm)
    except AMRError as error:
        if comm.rank == 0:
            click.echo(f"error: {error}", err=True)
        status = error.exit_code
    except Exception:
        traceback.print_exc()
        sys.stderr.flush()
        if comm.size > 1:
            comm.abort(70)
        status = 70
    # The first rank that ends with an error may have the launcher kill the others, message and all.
    return end_together(status)
