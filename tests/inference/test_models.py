"""Models of a folder of photographs: what they predict for its test files is what the store has."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

import bakeoff
from bakeoff.analysis.audit import Finding
from bakeoff.analysis.flaws import WORDS
from bakeoff.analysis.pick.record import write_record
from bakeoff.data import load_dataset
from bakeoff.data.pack import file_names
from bakeoff.errors import BakeoffError
from bakeoff.inference.arrays import in_channels
from bakeoff.inference.calibration import fit_temperature
from bakeoff.inference.choice import load_model
from bakeoff.inference.findings import own_findings, stored_findings, summarize_findings
from bakeoff.inference.library import describe_best, find_bests, find_model, list_models
from bakeoff.spec.paths import files_folder
from bakeoff.spec.recipe import Image
from bakeoff.store.store import Store
from bakeoff.training.bundles import read_description
from contests import make_contest


def test_predictions_on_the_test_files_are_those_of_the_store(store, photos):
    with Store(store) as opened:
        for result in opened.results():
            dataset = load_dataset(result.run.data, result.run.recipe.image)
            files = [photos / name for name in file_names(dataset, "test")]
            model = load_model(result.id, store)
            predicted, probabilities = opened.predictions(result.id)
            ((good, pixels, bad),) = model.decode_files(files)
            assert good == files and not bad
            assert np.array_equal(pixels, dataset.test.images)
            assert np.array_equal(model.probabilities(pixels).astype(np.float16), probabilities)
            assert [one.label for one in model.predict(files)] == [model.classes[i] for i in predicted]


def test_files_are_resized_with_the_interpolation_of_the_training(photos, tmp_path):
    changes = {"image.size": [16, 16], "image.interpolation": "bicubic", "epochs": 1}
    bakeoff.run(nets="linear", data=photos, seeds=1, changes=changes, store=tmp_path / "a.db", workers=1, quiet=True)
    model = load_model("best", tmp_path / "a.db")
    dataset = load_dataset(f"folder:{photos}", model.bundle.run.recipe.image)
    files = [photos / name for name in file_names(dataset, "test")]
    ((_, pixels, _),) = model.decode_files(files)
    assert np.array_equal(pixels, dataset.test.images)
    assert np.array_equal(model.decode(files[0]), model.decode(PIL.Image.open(files[0])))
    assert (pixels != load_dataset(f"folder:{photos}", Image(size=(16, 16), fit="crop")).test.images).any()


def test_the_best_is_chosen_by_validation_images(store):
    with Store(store) as opened:
        models = list_models(opened)
        found = find_model(opened, "best")
        of_net = find_model(opened, "linear").models
    assert len(models) == 4
    mean = {
        net: np.mean([one.validation_accuracy for one in models if one.net == net])
        for net in {one.net for one in models}
    }
    own = [one for one in models if one.net == found.models[0].net]
    assert mean[found.models[0].net] == max(mean.values())
    assert found.models[0].validation_accuracy == max(one.validation_accuracy for one in own)
    assert {one.net for one in of_net} == {"linear"}


def test_an_ensemble_averages_the_seeds(store, photos):
    ensemble, files = load_model("linear", store, ensemble=True), [photos / "warm" / "3.jpg", photos / "cold" / "4.jpg"]
    own = [load_model([path]).predict(files) for path in ensemble.paths]
    assert len(own) == 2
    for index, together in enumerate(ensemble.predict(files)):
        mean = np.mean([one[index].probabilities for one in own], axis=0)
        assert together.probabilities == pytest.approx(mean, abs=1e-6)


def test_takes_arrays_and_pictures(store, photos):
    model, file = load_model("best", store), photos / "cold" / "5.jpg"
    picture = PIL.Image.open(file)
    of_file = model.predict(file)[0]
    assert model.predict(picture)[0].probabilities == of_file.probabilities
    array = np.asarray(picture)
    for given in (array, array.transpose(2, 0, 1), [array], np.stack([array])):
        assert model.predict(given)[0].probabilities == of_file.probabilities
    assert model.transform([file]).shape == (1, 3, 16, 16)
    assert model.predict([]) == []
    for wrong in (array.astype(float), np.zeros((4, 4, 7), np.uint8)):
        with pytest.raises(BakeoffError, match="expected an image"):
            model.predict(wrong)
    with pytest.raises(BakeoffError, match="cannot read"):
        model.predict(photos / "nowhere.jpg")


def test_a_temperature_makes_confidence_fit():
    import torch

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(4000, 3, generator=generator)
    labels = torch.multinomial((logits / 2.5).softmax(1), 1, generator=generator)[:, 0]
    assert fit_temperature(logits, labels) == pytest.approx(2.5, rel=0.1)


def test_grey_is_the_luminance():
    grey = np.full((3, 2, 2), 77, np.uint8)
    assert (in_channels(grey, 1) == 77).all() and in_channels(grey, 1).shape == (1, 2, 2)
    red = np.zeros((3, 1, 1), np.uint8)
    red[0] = 255
    assert in_channels(red, 1).item() == 76
    assert in_channels(red, 3) is red


def test_what_is_not_there_gives_one_sentence(store, tmp_path):
    with pytest.raises(BakeoffError, match="lenet-afif"):
        load_model("lenet-afiff", store)
    with pytest.raises(BakeoffError, match="does not exist"):
        load_model(tmp_path / "a.safetensors", store)
    with Store(tmp_path / "empty.db", create=True):
        pass
    with pytest.raises(BakeoffError, match="no trained model"):
        load_model("best", tmp_path / "empty.db")


def test_weights_of_older_versions_are_completed(store, photos, tmp_path):
    import safetensors.torch

    from bakeoff.inference.complete import complete_bundles

    copy = copied(store, tmp_path)
    for path in Path(f"{copy}.files").glob("*.safetensors"):
        path.write_bytes(safetensors.torch.save(safetensors.torch.load_file(path)))
    with pytest.raises(BakeoffError, match="--complete"):
        load_model("best", copy)
    with Store(copy) as opened:
        assert [problem for _, problem in complete_bundles(opened)] == [""] * 4
        assert list(complete_bundles(opened)) == []
    file = photos / "warm" / "1.jpg"
    assert load_model("best", copy).predict(file) == load_model("best", store).predict(file)
    of_net, completed = load_model("linear", store), load_model("linear", copy)
    assert completed.bundle.confusion == of_net.bundle.confusion
    assert completed.bundle.measures.items() >= of_net.bundle.measures.items()


def test_models_that_lack_their_results_get_them_without_the_images(store, tmp_path, monkeypatch):
    import msgspec
    import safetensors.torch

    from bakeoff.inference import complete
    from bakeoff.training.bundles import to_metadata

    copy = copied(store, tmp_path)
    monkeypatch.setattr(complete, "datasets", None)
    for path in Path(f"{copy}.files").glob("*.safetensors"):
        bundle = msgspec.structs.replace(read_description(path), measures={}, confusion=())
        path.write_bytes(safetensors.torch.save(safetensors.torch.load_file(path), to_metadata(bundle)))
    with Store(copy) as opened:
        assert [problem for _, problem in complete.complete_bundles(opened)] == [""] * 4
        for model in list_models(opened):
            assert read_description(model.path).measures["test_accuracy"] == model.test_accuracy


def test_findings_come_from_the_store_and_from_the_model_alone(store):
    with Store(store) as opened:
        models = list_models(opened)
        stored = stored_findings(opened, [one.id for one in models])
    for one in models:
        serious = {found.kind for found in stored[one.id] if found.severity == "serious"}
        own = {found.kind for found in own_findings(read_description(one.path))}
        assert own <= serious and bool(own) == bool(serious & WORDS.keys())
        assert all(one.id in found.runs for found in stored[one.id])
    assert any(own_findings(read_description(one.path)) for one in models)


def test_findings_in_a_few_words():
    def found(kind: str, severity: str) -> Finding:
        return Finding(kind, severity, "", "", "", "", (), (), ())

    assert summarize_findings([]) == "–"
    several = [found("collapsed", "serious"), found("a", "note"), found("a", "note")]
    assert summarize_findings(several) == "!! collapsed +1"
    assert summarize_findings([found("single-run", "caution")]) == "! single-run"
    assert summarize_findings([found("imbalanced", "note")]) == "imbalanced"


def test_best_is_the_winner_of_the_latest_contest(store, tmp_path):
    """The contest counts all lengths and seeds, so a network with a lucky seed must not take its place."""
    copy = copied(store, tmp_path)
    with Store(copy) as opened:
        models = list_models(opened)
        other = next(one.net for one in models if one.net != find_model(opened, "best").models[0].net)
        runs = tuple(one.id for one in reversed(models) if one.net == other)
        hold(copy, runs)
        found = find_model(opened, "best")
    assert tuple(one.id for one in found.models) == runs
    assert describe_best(found).startswith(f"best is {other}, ") and "winner of the contest" in describe_best(found)
    assert load_model("best", copy).paths == (files_folder(copy) / f"{runs[0]}.safetensors",)
    assert len(load_model("best", copy, ensemble=True).paths) == len(runs)


def test_a_contest_whose_models_are_gone_does_not_count(store, tmp_path):
    copy = copied(store, tmp_path)
    with Store(copy) as opened:
        before = find_model(opened, "best")
        hold(copy, ("0123456789abcdef",))
        assert find_model(opened, "best") == before
        hold(copy, tuple(one.id for one in list_models(opened)), evaluated=False)
        assert find_model(opened, "best") == before


def test_one_lucky_seed_does_not_make_a_network_the_best(store):
    with Store(store) as opened:
        models = list_models(opened)
        steady, lucky = {one.net for one in models}
        accuracy = {steady: [0.8, 0.8], lucky: [0.9, 0.6]}
        models = [replace(one, validation_accuracy=accuracy[one.net].pop()) for one in models]
        (found,) = find_bests(opened, models)
    assert {one.net for one in found.models} == {steady} and len(found.models) == 2


def copied(store: Path, folder: Path) -> Path:
    """Copy a store with its files."""
    copy = folder / "copy.db"
    shutil.copy(store, copy)
    shutil.copytree(files_folder(store), files_folder(copy))
    return copy


def hold(store: Path, runs: tuple[str, ...], *, evaluated: bool = True) -> None:
    """Record a contest that these runs won."""
    record = make_contest(store, runs)
    winner, *others = record.pick.standings
    winner = replace(winner, runs=runs, test_accuracy=winner.test_accuracy if evaluated else None)
    write_record(files_folder(store), replace(record, pick=replace(record.pick, standings=(winner, *others))))


def test_a_model_is_shown_in_a_line(store):
    with Store(store) as opened:
        result = opened.results()[0]
    text = repr(load_model(result.id, store))
    assert text.startswith(f"<Model {result.run.net} on photos")
    assert "classes (" in text and f"from {result.id}" in text and len(text) < 200 and "\n" not in text
