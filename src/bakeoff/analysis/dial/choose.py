"""The experiment that a user asked for, as a study."""

from collections.abc import Sequence
from dataclasses import replace

from bakeoff import data as datasets
from bakeoff import studies
from bakeoff.analysis.dial.experiment import make_study
from bakeoff.data import Progress
from bakeoff.execution.names import known_data, known_networks
from bakeoff.execution.options import Data, StudyOptions
from bakeoff.studies.study import Study
from bakeoff.studies.tables import dial_named


def choose_dials(
    data: Data,
    dials: Sequence[str],
    options: StudyOptions,
    *,
    steps: int = 5,
    levels: Sequence[float] | None = None,
    progress: Progress | None = None,
    fetch: bool = True,
) -> Study:
    """Return the study that turns some dials of a data set, at `levels` or at `steps` levels that suit the data set.

    Raises:
        BakeoffError: there is no such data set, dial or network, or a level is outside the dial's range.
    """
    from bakeoff.execution.session import choose_study  # imports all that trains, which readers of results do without

    name = known_data(data)
    chosen = dict.fromkeys(dial_named(name.strip()) for name in dials)
    info = datasets.info(name, progress=progress, fetch=fetch)
    nets = known_networks(options.nets) or studies.load_study("demo").nets
    study = make_study(name, list(chosen), info, steps, levels, nets)
    return choose_study(study, replace(options, nets=None, data=None, data_as=None))
