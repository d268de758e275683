"""The reference of recipes, networks and data sets."""

from inspect import cleandoc
from typing import get_args

from bakeoff import data
from bakeoff.nets import BUILTIN, PRETRAINED, SHORTLIST, Net, find_net
from bakeoff.nets.summary import summarize
from bakeoff.spec import recipe as settings
from bakeoff.spec.augmentation import Augment
from bakeoff.spec.data import ImageShape
from bakeoff.studies.recipes import RECIPES
from bakeoff.text.formats import short
from generate.fields import about, field_table
from generate.markdown import capital, code, page, prose, table

SHAPE, CLASSES = ImageShape(3, 32, 32), 10


def recipes() -> str:
    """Return the page of recipes: each with its docstring, then all fields."""
    parts = [
        "A recipe contains every setting that affects a result. `bakeoff recipes quick --net resnet20 --data mnist` "
        "prints the values that a network gets on a data set; `--set FIELD=VALUE` changes any. These recipes are built "
        "in; packages may add others.",
    ]
    for name, make in RECIPES.items():
        if RECIPES.plugin(name) is None and "@" not in name:  # one with a digest is from a file
            parts += [f"## {name}", prose(cleandoc(make.__doc__ or ""))]
    parts += ["## Fields", about(settings.Recipe), field_table(settings.Recipe)]
    parts += ["### Images", about(settings.Image), field_table(settings.Image, "image.")]
    parts += ["### Augmentation", about(Augment), field_table(Augment, "augment.")]
    for title, kinds, prefix in (
        ("Optimizers", get_args(settings.Optimizer), "optimizer."),
        ("Schedules", get_args(settings.Schedule), "schedule."),
    ):
        parts += [f"### {title}", f"`--set {prefix[:-1]}=NAME` chooses one."]
        for kind in kinds:
            parts += [f"#### {kind.__struct_config__.tag}", about(kind)]
            parts += [field_table(kind, prefix) if kind.__struct_fields__ else ""]
    for title, kind, prefix in (
        ("Early stopping", settings.Stop, "stop."),
        ("Penalty", settings.L2, "l2."),
        ("Fitting a probe", settings.Probe, "probe."),
    ):
        parts += [f"### {title}", about(kind), field_table(kind, prefix)]
    return page("Recipes", *parts)


def networks() -> str:
    """Return the page of networks, one line each."""
    rows = [network_row(name, net) for name, net in BUILTIN.items()]
    starts = [(code(name), prose(find_net(name).weights.source)) for name in PRETRAINED]  # type: ignore[union-attr]
    begin = [(capital(purpose), ", ".join(map(code, nets))) for purpose, nets in SHORTLIST.items()]
    return page(
        "Networks",
        f"Parameters (trainable) and FLOPs (a forward pass of one image, multiply-add = 2) at 32×32×3 with {CLASSES} "
        "classes; a dash where these images are too small for the network. `bakeoff show NAME --images 1x28x28` counts "
        "them for other images, layer by layer.",
        "Families come in any depth: `resnet56`, `preresnet164`, `wrn-28-10`. Your own network is a file, `my_net.py`; "
        "`timm:NAME`, `torchvision:NAME` and `hf:NAME` are those of these libraries.",
        "## Where to begin",
        table(("purpose", "networks"), begin),
        "## All networks",
        table(("network", "parameters", "FLOPs", "smallest image", "source"), rows, "lrrrl"),
        "## Pretrained networks",
        table(("network", "weights"), starts),
    )


def network_row(name: str, net: Net) -> tuple[object, ...]:
    """Return a network's line: its name, size and source."""
    if min(SHAPE.height, SHAPE.width) < net.smallest:
        return code(name), "–", "–", net.smallest, prose(net.source)
    counted = summarize(name, SHAPE, CLASSES)
    return code(name), f"{counted.trainable:,}", short(counted.flops, ""), net.smallest, prose(net.source)


def data_sets() -> str:
    """Return the page of the data sets that have names."""
    rows = [
        (
            code(name),
            str(entry.shape),
            entry.classes,
            f"{entry.train_images:,}",
            f"{entry.test_images:,}",
            prose(entry.description),
            prose(entry.licence),
        )
        for name, entry in data.DATASETS.items()
    ]
    sources = [(code(name), prose(entry.source), prose(entry.citation)) for name, entry in data.DATASETS.items()]
    return page(
        "Data sets",
        "Files are downloaded once and verified. [Use your own images](../how-to/own-data.md) describes `folder:PATH`, "
        "`csv:FILE`, `npz:FILE` and `hf:ORG/NAME`; [dials](../dials.md) describes versions such as "
        "`mnist~contrast=0.25`.",
        table(("name", "images", "classes", "training", "test", "what", "licence"), rows, "lrrrrll"),
        "## Sources",
        table(("name", "source", "to cite"), sources),
    )
