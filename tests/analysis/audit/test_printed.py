import json

import pytest

from bakeoff import studies
from bakeoff.analysis.audit import FINDINGS
from bakeoff.analysis.audit.printed import PRINTED_FINDINGS, audit_printed, printed_networks
from bakeoff.cli import cli
from bakeoff.errors import BakeoffError
from bakeoff.nets.summary import summaries
from bakeoff.studies.study import Study
from bakeoff.studies.tables import Published

STUDY = Study(name="small", nets=("conv", "nin"), data=("mnist",), recipe="clark2020")


def kinds(*printed: Published, **changes) -> set[tuple[str, tuple[str, ...]]]:
    """Kinds and networks of what is found in a study with these numbers."""
    study = Study(**{name: getattr(STUDY, name) for name in STUDY.__struct_fields__} | {"published": printed} | changes)
    return {(finding.kind, finding.nets) for finding in audit_printed(study)}


def number(net: str = "conv", accuracy: float = 0.95, **more) -> Published:
    return Published(net=net, data="mnist", test_accuracy=accuracy, **more)


def test_the_accidents_of_2018_are_found_in_its_tables():
    found = audit_printed(studies.load_study("afif2018"))
    said = {(f.kind, f.data, net) for f in found for net in f.nets}
    assert ("no-better-than-majority", "svhn", "vgg-afif") in said
    assert ("dead-classes", "fashion-mnist", "resnet20v1-keras") in said
    assert ("over-fitted", "svhn", "lenet-afif") in said
    assert ("not-normalised", "cifar10", "vgg-afif") in said
    serious = {(f.data, net) for f in found if f.severity == "serious" for net in f.nets}
    assert serious == {("svhn", "vgg-afif"), ("fashion-mnist", "resnet20v1-keras")}
    poor = {(f.data, net) for f in found if f.kind == "lucky-epoch" for net in f.nets}
    assert poor == {("mnist", "resnet20v1-keras"), ("cifar10", "resnet20v2-keras")}
    [budgets] = [f for f in found if f.kind == "unequal-budgets" and f.data == "svhn"]
    assert "30 (lenet-afif)" in budgets.evidence[0]["epochs"] and "3 (squeezenet-afif)" in budgets.evidence[0]["epochs"]
    assert not any(f.runs for f in found)


def test_guessing():
    assert ("no-better-than-majority", ("conv",)) in kinds(number(accuracy=0.102))
    assert ("no-better-than-majority", ("conv",)) not in kinds(number(accuracy=0.12))


def test_a_loss_of_stuck_outputs():
    assert ("dead-classes", ("conv",)) in kinds(number(accuracy=0.9, test_loss=1.6))
    assert ("dead-classes", ("conv",)) not in kinds(number(accuracy=0.9, test_loss=0.6))
    assert ("dead-classes", ("conv",)) not in kinds(number(accuracy=0.997, test_loss=0.05))  # that is a weight penalty


def test_over_fitting():
    assert ("over-fitted", ("conv",)) in kinds(number(accuracy=0.8, train_accuracy=0.99))
    assert ("over-fitted", ("conv",)) not in kinds(number(accuracy=0.95, train_accuracy=0.99))


def test_a_lead_that_the_test_images_cannot_show():
    assert ("test-set-too-small", ("nin", "conv")) in kinds(number(), number("nin", 0.953))
    three = (number(), number("nin", 0.953), number("drop", 0.952), number("lenet-afif", 0.9))
    assert ("test-set-too-small", ("nin", "drop", "conv")) in kinds(*three)
    assert not any(kind == "test-set-too-small" for kind, _ in kinds(number(), number("nin", 0.97)))


def test_terms_and_single_runs():
    unlike = kinds(number(), number("nin", 0.97, set={"epochs": 7}))
    assert ("unequal-budgets", ("conv", "nin")) in unlike and ("single-run", ("conv", "nin")) in unlike
    assert not any(kind == "unequal-budgets" for kind, _ in kinds(number(), number("nin", 0.97)))
    raw = kinds(number(), set={"normalize": "raw"})
    assert ("not-normalised", ("conv",)) in raw and ("not-normalised", ("conv",)) not in kinds(number())
    chosen = {"validation": "test", "select": "best-validation-loss"}
    assert ("chosen-on-test", ("conv",)) in kinds(number(), set=chosen)
    assert ("chosen-on-test", ("conv",)) not in kinds(number())


def test_the_height_concatenation_of_2018_is_found_in_its_layers():
    study = studies.load_study("afif2018")
    shapes = {(net, str(shape)) for net, shape, _ in printed_networks(study)}
    assert len(shapes) == 10 and ("squeezenet-afif", "1x28x28") in shapes
    found = audit_printed(study, summaries(printed_networks(study)))
    assert {net for f in found if f.kind == "shapes-depart" for net in f.nets} == {"squeezenet-afif"}
    assert not any(f.kind == "parameters-depart" for f in found)


def test_printed_parameters_that_are_not_the_network_s():
    def departs(count: int) -> bool:
        study = Study(name="small", nets=("conv",), data=("mnist",), published=(number(parameters=count),))
        return any(f.kind == "parameters-depart" for f in audit_printed(study, summaries(printed_networks(study))))

    assert departs(93_321) and not departs(93_322)


def test_the_reported_epoch_of_a_noisy_curve():
    after = {"8": 0.97, "10": 0.93}
    assert ("lucky-epoch", ("conv",)) in kinds(number(accuracy=0.93, accuracy_after_epoch=after))
    assert ("lucky-epoch", ("conv",)) not in kinds(number(accuracy=0.965, accuracy_after_epoch=after))
    assert ("lucky-epoch", ("conv",)) not in kinds(number())


def test_unlike_times_of_the_same_work():
    fashion = Published(net="conv", data="fashion-mnist", test_accuracy=0.9, epoch_seconds=30)
    assert ("loaded-machine", ("conv",)) in kinds(number(epoch_seconds=19), fashion)
    assert ("loaded-machine", ("conv",)) not in kinds(number(epoch_seconds=21), fashion)
    colour = Published(net="conv", data="cifar10", test_accuracy=0.7, epoch_seconds=60)
    assert ("loaded-machine", ("conv",)) not in kinds(number(epoch_seconds=20), colour)


def test_a_number_that_the_study_corrects_is_audited_with_its_true_settings():
    said = number(accuracy=0.9, not_reproducible="trained for 9 epochs")
    true = number(accuracy=0.9, set={"epochs": 9})
    assert ("unequal-budgets", ("conv", "nin")) in kinds(said, true, number("nin", 0.97))
    assert not any(kind == "unequal-budgets" for kind, _ in kinds(number(), true, number("nin", 0.97)))


def test_every_kind_is_one_of_the_audit():
    assert PRINTED_FINDINGS.keys() <= FINDINGS.keys()


def test_a_study_without_published_numbers():
    with pytest.raises(BakeoffError, match="'small' has no published numbers to audit"):
        audit_printed(STUDY)


def test_the_command(capsys):
    cli.main(["audit", "--study", "afif2018"], standalone_mode=False)
    assert f"Checked for {len(PRINTED_FINDINGS)} kinds" in capsys.readouterr().out
    cli.main(["audit", "--study", "clark2020", "--json"], standalone_mode=False)
    assert all(finding["runs"] == [] for finding in json.loads(capsys.readouterr().out))
