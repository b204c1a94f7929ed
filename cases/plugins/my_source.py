"""A source of your own, named in the case as ``sources = ["plugins/my_source.py:cooling"]``."""


def cooling(x, t, w):
    """Gas hotter than 1 cools towards it, the faster the denser it is.

    Parameters
    ----------
    x : float64 (dim, m, nk, nj, ni)
        Cell centres of many blocks at once.
    t : float
    w : dict
        Primitive variable -> (m, nk, nj, ni), ``velocity`` -> (dim, m, nk, nj, ni).

    Returns
    -------
    dict
        Conserved variable -> rate of change per volume and time; what is left out has no source.
    """
    temperature = w["pressure"] / w["density"]
    excess = (temperature - 1.0) * (temperature > 1.0)
    return {"energy": -0.1 * w["density"] ** 2 * excess}
