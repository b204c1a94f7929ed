"""``python -m amr`` is the command ``amr``; ``python -m amr solve CASE.toml`` is ``amr-solve CASE.toml``."""

from amr.cli import main

main()
