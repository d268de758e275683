"""`bakeoff serve`."""

from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from bakeoff.cli.named_model import load_named_model
from bakeoff.cli.options import calibrate_option, ensemble_option, model_data_option, store_option
from bakeoff.console.terminal import Console, escape

if TYPE_CHECKING:
    from bakeoff.inference.model import Model
    from bakeoff.serving.responses import Served


@click.command()
@click.argument("model")
@store_option()
@model_data_option
@ensemble_option
@calibrate_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    help="Port to listen on; 0 chooses a free one.",
)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Address to listen on.")
@click.option(
    "--token",
    envvar="BAKEOFF_TOKEN",
    metavar="SECRET",
    help="Secret that every request must send; required with --host. Also read from $BAKEOFF_TOKEN.",
)
@click.option("--no-neighbours", is_flag=True, help="Do not show similar training images.")
def serve(
    model: str,
    store: Path,
    data: str | None,
    ensemble: bool,
    calibrate: bool,
    port: int,
    host: str,
    token: str | None,
    no_neighbours: bool,
) -> None:
    """Serve a trained model: a page that classifies images you drop on it, and POST /predict for programs.

    MODEL is as in [bold]bakeoff predict[/]. The page shows probabilities, where the network looked, and the most
    similar training images. Images stay in memory and are not kept. Only this machine can reach the server unless
    --host says otherwise, and then --token is required. Ctrl-C stops the server after it has answered open requests.

    \b
    [bold]Examples[/]
    bakeoff serve best
    curl --data-binary @photo.jpg -H 'Content-Type: image/jpeg' http://127.0.0.1:8000/predict
    bakeoff serve resnet20 --host 0.0.0.0 --token "$(openssl rand -hex 16)"
    """
    from bakeoff.errors import BakeoffError

    try:
        from bakeoff.serving.server import check_address, listen, make_server
    except ImportError as error:
        raise BakeoffError(f"{error.name} is not installed: pip install 'bakeoff[serve]'") from error
    from bakeoff.serving.app import make_app
    from bakeoff.serving.limits import Limits

    check_address(host, token)
    limits, console = Limits(), Console(stderr=True)
    with listen(host, port) as socket:
        loaded = load_named_model(model, store, data, ensemble=ensemble)
        if calibrate:
            from bakeoff.cli.calibration import calibrated

            loaded = calibrated(loaded)
        served = _prepare(loaded, console, no_neighbours)
        address = f"http://{f'[{host}]' if ':' in host else host}:{socket.getsockname()[1]}/"
        console.print(f"serving {escape(served.name)} at {address} – Ctrl-C ends it", highlight=False, soft_wrap=True)
        try:
            make_server(make_app(served, limits, token), limits).run([socket])
        except KeyboardInterrupt:  # raised after all requests have ended
            console.print("stopped", style="dim")


def _prepare(model: "Model", console: Console, no_neighbours: bool) -> "Served":
    """Find out how predictions can be explained, and say what is missing."""
    from bakeoff.console.progress import progress_bar
    from bakeoff.errors import BakeoffError
    from bakeoff.inference.attribution import METHODS, check_captum
    from bakeoff.inference.explanation import suitable
    from bakeoff.inference.neighbours import open_neighbours
    from bakeoff.serving.responses import Served

    methods: tuple[str, ...] = ()
    neighbours, without = None, "switched off"
    try:
        check_captum()
        methods = tuple(dict.fromkeys([*suitable(model), *(name for name in METHODS if name != "gradcam")]))
    except BakeoffError as error:
        console.print(f"without showing where it looked: {escape(str(error))}", style="dim", soft_wrap=True)
    if not no_neighbours:
        try:
            with progress_bar() as report:
                neighbours = open_neighbours(model, lambda done, total: report("training images", done, total))
            without = ""
        except BakeoffError as error:
            without = str(error)
            console.print(f"without training images: {escape(without)}", style="dim", soft_wrap=True, highlight=False)
    return Served(model, model.bundle.run.net, methods, neighbours, without)
