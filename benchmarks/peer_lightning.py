"""Lightning as a contender: its Trainer, without logger, checkpoints and progress bar."""

import logging
import warnings

import lightning
import torch
import torch.nn.functional as F
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from peer_protocol import Baton, Workload
from peer_torch import NETS, loader, optimizer
from torch import Tensor


class Classifier(lightning.LightningModule):
    """A network with its loss and optimiser, as in Lightning's guide."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        self.workload = workload
        self.net = NETS[workload.net]()

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        images, labels = batch
        outputs = self.net(images)
        loss = F.cross_entropy(outputs, labels)
        self.log_dict({"loss": loss, "accuracy": (outputs.argmax(1) == labels).float().mean()}, on_epoch=True)
        return loss

    def configure_optimizers(self) -> OptimizerLRScheduler:
        return optimizer(self.workload, self.net)


class Turns(lightning.Callback):
    """Hands every step to the baton."""

    def __init__(self, baton: Baton) -> None:
        self.baton = baton

    def on_train_batch_end(self, trainer, module, outputs, batch, index) -> None:
        self.baton.step(len(batch[1]))


def main() -> None:
    """Train until the input ends."""
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    workload = Workload.read()
    torch.set_num_threads(workload.threads)
    model = Classifier(workload)
    parameters = sum(p.numel() for p in model.parameters())
    baton = Baton(parameters=parameters, version=f"lightning {lightning.__version__}, torch {torch.__version__}")
    trainer = lightning.Trainer(
        accelerator="cpu",
        precision="bf16-mixed" if workload.precision == "bf16" else "32-true",
        max_epochs=-1,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[Turns(baton)],
    )
    trainer.fit(model, loader(workload))


if __name__ == "__main__":
    main()
