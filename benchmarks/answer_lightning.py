"""Lightning in answer.py: a Trainer for every run, with its checkpoints, its log and its validation loop."""

import logging
import os
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import lightning
import torch
import torch.nn.functional as F
from answer_task import Task, carry_out
from answer_torch import NETS, loaders, optimize
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor


class Classifier(lightning.LightningModule):
    """A network with its loss and optimiser, as in Lightning's guide."""

    def __init__(self, name: str, task: Task) -> None:
        super().__init__()
        self.net = NETS[name](task)

    def training_step(self, batch: tuple[Tensor, Tensor], index: int) -> Tensor:
        images, labels = batch
        loss = F.cross_entropy(self.net(images), labels)
        self.log("train_loss", loss)
        return loss

    def evaluate(self, batch: tuple[Tensor, Tensor], name: str) -> None:
        images, labels = batch
        self.log(name, (self.net(images).argmax(1) == labels).float().mean(), batch_size=len(labels))

    def validation_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        self.evaluate(batch, "validation_accuracy")

    def test_step(self, batch: tuple[Tensor, Tensor], index: int) -> None:
        self.evaluate(batch, "test_accuracy")

    def configure_optimizers(self) -> OptimizerLRScheduler:
        optimizer, schedule = optimize(self.net, int(self.trainer.estimated_stepping_batches))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


def train(name: str, task: Task, place: Path, seed: int) -> float:
    """Train one network and return its test accuracy."""
    batches, validation, test = loaders(task, place, seed)
    with TemporaryDirectory() as folder:
        trainer = lightning.Trainer(
            accelerator="cpu",
            max_epochs=task.epochs,
            default_root_dir=folder,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        model = Classifier(name, task)
        trainer.fit(model, batches, validation)
        (found,) = trainer.test(model, test, verbose=False)
    return found["test_accuracy"]


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    carry_out(train)
