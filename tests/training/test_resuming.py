import random

import pytest
import torch
from trained import DATA, assert_same, assert_same_weights, comparable, train

import bakeoff.training.evaluate
import bakeoff.training.loop
import tiny
from bakeoff.data.batches import train_batches
from bakeoff.machine.hardware import Machine
from bakeoff.spec.paths import checkpoint_path, weights_path
from bakeoff.spec.recipe import L2, SGD, Adadelta, Adam, AdamW, Augment, Constant, Cosine, OneCycle, Plateau, Stop
from bakeoff.training.loop import fit

RESUMABLE = {
    "sgd": tiny.run(optimizer=SGD(lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3), schedule=OneCycle()),
    "adam": tiny.run(
        optimizer=Adam(lr=1e-3, eps=1e-7, eps_before_correction=True),
        loss="keras-cross-entropy",
        l2=L2(1e-3, "convolutions"),
        augment=Augment(shift=0.2, flip=True, rotation=10, cutout=2),
    ),
    "adamw": tiny.run("nin", optimizer=AdamW(lr=1e-3), schedule=Cosine(warmup_epochs=1), normalize="channel"),
    "adadelta": tiny.run(optimizer=Adadelta(lr=1.0), select="best-validation-loss", label_smoothing=0.1),
    "batch norm, best epoch restored": tiny.run(
        "resnet20", optimizer=SGD(lr=0.2, momentum=0.9), select="best-validation-accuracy", normalize="pixel"
    ),
    "mixed images": tiny.run(
        augment=Augment(resized_crop=(0.3, 1.0), policy="trivial", mixup=0.2, cutmix=1.0), label_smoothing=0.1
    ),
    "everything of modern and finetune": tiny.run(
        "resnet20",
        optimizer=AdamW(lr=1e-2),
        schedule=Cosine(warmup_epochs=1),
        head_schedule=Constant(),
        clip_norm=0.5,
        average=0.9,
        zero_head=True,
        head_rate=3.0,
        layer_decay=0.8,
        freeze="all-but-classifier",
        thaw_after=1,
        l2=L2(1e-3, "convolutions"),
        select="best-validation-loss",
        augment=Augment(resized_crop=(0.3, 1.0), flip=True, policy="rand", mixup=0.2, cutmix=1.0),
    ),
    "frozen norms and an average": tiny.run("resnet20", average=0.9, frozen_norm=True, optimizer=SGD(0.1, 0.9)),
    "plateau and early stop": tiny.run(
        epochs=8, schedule=Plateau("validation_loss", 0.5, 1, 0.5), stop=Stop("train_loss", 3, 0.5)
    ),
}


class TestResuming:
    @pytest.mark.parametrize("name", RESUMABLE)
    def test_gives_the_same_bits(self, name, tmp_path):
        """Interrupted after an epoch, within one, before the evaluation, and not at all."""
        run = RESUMABLE[name]
        whole = train(run, tmp_path / "whole")

        def interrupt(epoch, done, of):
            if (epoch, done) == (2, 2):
                raise KeyboardInterrupt

        parts = tmp_path / "parts"
        after_an_epoch = fit(run, DATA, tiny.MACHINE, parts)
        next(after_an_epoch)
        after_an_epoch.close()
        with pytest.raises(KeyboardInterrupt):
            train(run, parts, on_step=interrupt)
        before_the_evaluation = fit(run, DATA, tiny.MACHINE, parts)
        seen = [next(before_the_evaluation) for _ in whole[0]]
        before_the_evaluation.close()
        assert [comparable(epoch) for epoch in seen] == [comparable(epoch) for epoch in whole[0]]
        resumed = train(run, parts)
        assert_same(resumed, whole)
        assert_same_weights(weights_path(parts, run.id), weights_path(tmp_path / "whole", run.id))
        assert_same(train(run), whole)

    def test_trains_only_what_is_missing(self, tmp_path):
        steps = []
        next(generator := fit(tiny.run(), DATA, tiny.MACHINE, tmp_path))
        generator.close()
        train(tiny.run(), tmp_path, on_step=lambda epoch, done, of: steps.append((epoch, done, of)))
        assert steps == [(epoch, step, 3) for epoch in (2, 3) for step in (1, 2, 3)]

    def test_from_a_damaged_checkpoint_starts_over(self, tmp_path):
        run = tiny.run()
        next(generator := fit(run, DATA, tiny.MACHINE, tmp_path))
        generator.close()
        path = checkpoint_path(tmp_path, run.id)
        path.write_bytes(path.read_bytes()[:-100])
        assert_same(train(run, tmp_path), train(run))

    def test_in_bfloat16_gives_the_same_bits(self, tmp_path):
        machine = Machine(threads=1, precision="bf16")
        run = tiny.run("nin")
        whole = train(run, machine=machine)
        generator = fit(run, DATA, machine, tmp_path)
        next(generator)
        generator.close()
        assert_same(train(run, tmp_path, machine=machine), whole)
        assert whole[1].environment["precision"] == "bf16"
        assert whole[1].probabilities.tobytes() != train(run)[1].probabilities.tobytes()

    def test_on_another_machine_is_on_record(self, tmp_path):
        generator = fit(tiny.run(), DATA, Machine(threads=1, precision="bf16"), tmp_path)
        next(generator)
        generator.close()
        environment = train(tiny.run(), tmp_path)[1].environment
        assert (environment["precision"], environment["before"]) == ("fp32", {"precision": ["bf16"]})

    def test_does_not_depend_on_what_happens_in_between(self):
        generator = fit(tiny.run("nin"), DATA, tiny.MACHINE)
        items = []
        for item in generator:
            torch.rand(7)
            items.append(item)
        assert_same((items[:-1], items[-1]), train(tiny.run("nin")))


class TestSeeds:
    def test_decide_the_result(self):
        assert_same(train(tiny.run(seed=1)), train(tiny.run(seed=1)))
        one, other = train(tiny.run(seed=1))[1], train(tiny.run(seed=2))[1]
        assert one.probabilities.tobytes() != other.probabilities.tobytes()

    def test_show_all_networks_the_same_images_in_the_same_order(self, monkeypatch):
        seen: dict[str, list[bytes]] = {"lenet-afif": [], "resnet20": [], "nin": []}
        for net, batches in seen.items():

            def note(*arguments, batches=batches):
                for images, labels in train_batches(*arguments):
                    batches.append(images.numpy().tobytes() + labels.numpy().tobytes())
                    yield images, labels

            monkeypatch.setattr(bakeoff.training.loop, "train_batches", note)
            train(tiny.run(net, augment=Augment(shift=0.1, flip=True)))
        assert seen["lenet-afif"] == seen["resnet20"] == seen["nin"]
        assert len(set(seen["nin"])) == 9

    def test_leave_the_global_generators_alone(self):
        before = torch.get_rng_state(), random.getstate()
        train(tiny.run("nin"))
        assert (torch.get_rng_state() == before[0]).all()
        assert random.getstate() == before[1]
