"""Ticks of logarithmic axes that do not overlap."""

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FACTORS = ((1, 2, 3, 5), (1, 2, 5), (1, 3), (1,))
MOST = 5


def choose_ticks(low: float, high: float) -> list[float]:
    """Return two to MOST round values within positive limits; less round ones where the limits are very close."""
    decades = 10.0 ** np.arange(np.floor(np.log10(low)), np.ceil(np.log10(high)) + 1)
    for factors in FACTORS:
        values = np.sort(np.outer(decades, factors).ravel())
        inside = values[(values >= low) & (values <= high)]
        if len(inside) <= MOST:
            break
    if len(inside) > 1:
        return [float(value) for value in inside[:: int(np.ceil(len(inside) / MOST))]]
    from matplotlib.ticker import MaxNLocator

    near = np.asarray(MaxNLocator(3).tick_values(low, high))
    return [float(value) for value in near if low <= value <= high]


def label_log_axis(axes: "Axes") -> None:
    """Make the x axis logarithmic, with round ticks such as 200 k."""
    from matplotlib.ticker import EngFormatter, FixedLocator, NullLocator

    axes.set_xscale("log")
    axes.xaxis.set_major_locator(FixedLocator(choose_ticks(*axes.get_xlim())))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(EngFormatter(sep="\u202f"))
