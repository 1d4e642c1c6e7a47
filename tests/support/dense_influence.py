"""The influence function of the kernel as a matrix, one row per unit of the data."""

import numpy as np


def dense_influence(found):
    """Zero where a unit enters no cell or an effect is not identified; scaled by the number of units of the data."""
    active = np.flatnonzero(found.used.any(axis=1))
    values = np.zeros((len(found.used), len(found.cells)))
    for block in found.source.blocks():
        values[active[block.units][:, None], block.columns] = block.values.T
    return values * len(found.used) / max(len(active), 1)
