"""Whether networks that are compared start alike: from pretrained weights or from scratch. No torch."""

from collections.abc import Mapping

from bakeoff.text.formats import listing

SCRATCH = "scratch"
"""The start of a network whose weights are all drawn from the seed."""
MOST_NAMED = 3


def describe_starts(starts: Mapping[str, str]) -> str:
    """Return what to know before comparing networks of which only some are pretrained; empty if all start alike.

    Args:
        starts: network → name of the weights it starts from, empty if from scratch.
    """
    pretrained, others = (
        [net for net, weights in starts.items() if bool(weights) is wanted] for wanted in (True, False)
    )
    if not pretrained or not others:
        return ""
    begin = f"{listing(pretrained, MOST_NAMED)} {'starts' if len(pretrained) == 1 else 'start'} from pretrained weights"
    return (
        f"{begin} and {listing(others, MOST_NAMED)} from scratch: "
        "differences between them may also come from the images that the weights were trained on, and training times "
        "leave out that training."
    )
