"""Names in tables: the "unknown name; did you mean" text that every table shares."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str]) -> str | None:
    """The known name that is most like ``name``, or None when none is near."""
    table = {k.lower(): k for k in known}
    found = difflib.get_close_matches(str(name).lower(), table, n=1, cutoff=0.55)
    if found:
        return table[found[0]]
    # A short name inside a long one, or the other way round, is near too: "gravity" and "gravity_source".
    inside = [
        k for k in table if len(str(name)) >= 3 and (str(name).lower() in k or (len(k) >= 3 and k in str(name).lower()))
    ]
    return table[inside[0]] if inside else None


def suggestion(name: object, known: Iterable[str]) -> str:
    """``'; did you mean "hllc"? There are: hll, hllc'``, or the list alone when no name is near."""
    known = list(known)
    near = nearest(name, known)
    text = f'; did you mean "{near}"?' if near is not None else "."
    return f"{text} There are: {', '.join(known)}" if known else text.rstrip(".")
