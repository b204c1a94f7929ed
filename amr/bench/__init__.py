"""``amr bench``: how fast the solver is on this machine, as a share of a bare kernel measured in the same run."""
