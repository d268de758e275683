"""Networks in users' own files, read in this process."""

from bakeoff.nets import user_file
from bakeoff.nets.sources import gather_file
from bakeoff.spec.data import ImageShape

SHAPE = ImageShape(3, 8, 8)
LINEAR = """
from torch import nn

def linear(images, classes):
    return nn.Sequential(nn.Flatten(), nn.Linear(images.channels * images.height * images.width, classes))
"""


def add(given: str) -> str:
    """Read a network's file in this process and return what it is called."""
    path, wanted = user_file.split(given)
    texts = gather_file(path)
    return user_file.register_net(texts, user_file.read_contents(texts).names, wanted)
