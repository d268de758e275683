"""Model cards: the hub reads them, and nothing in a name breaks them."""

import msgspec
import pytest

from bakeoff.analysis.audit import Finding
from bakeoff.errors import BakeoffError
from bakeoff.inference.choice import choose_files
from bakeoff.inference.findings import findings_about
from bakeoff.reporting.card import CardContext, model_card
from bakeoff.training.bundles import Bundle, read_description

HOSTILE = "---\n# <script>alert(1)</script> | `x` \u202e: [a](b)"


@pytest.fixture(scope="module")
def bundle(store) -> Bundle:
    return read_description(choose_files("linear", store).paths[0])


def test_the_hub_reads_the_results(bundle):
    hub = pytest.importorskip("huggingface_hub", reason="pip install 'bakeoff[test]'")
    card = hub.ModelCard(model_card(bundle, CardContext(licence="mit")))
    data = card.data
    assert data.license == "mit" and data.library_name == "bakeoff" and data.datasets == [bundle.data_name]
    values = {one.metric_name: one.metric_value for one in data.eval_results}
    assert values["accuracy"] == bundle.measures["test_accuracy"]
    assert {one.task_type for one in data.eval_results} == {"image-classification"}
    assert {one.dataset_split for one in data.eval_results} == {"test"}


def test_says_what_was_measured_by_class(bundle, photos):
    card = model_card(bundle)
    matrix = bundle.confusion_matrix()
    for k, name in enumerate(bundle.classes):
        row = next(line for line in card.splitlines() if line.startswith(f"| {name} "))
        assert f"| {matrix[k].sum()} " in row and f"{100 * matrix[k, k] / matrix[k].sum():.2f}" in row
    assert bundle.run.id in card and "epochs = 1\n" in card
    assert str(photos.parent) not in card


def test_names_cannot_break_it(bundle):
    hub = pytest.importorskip("huggingface_hub", reason="pip install 'bakeoff[test]'")
    run = msgspec.structs.replace(bundle.run, net=HOSTILE, data=HOSTILE)
    hostile = msgspec.structs.replace(bundle, run=run, classes=(HOSTILE, "warm"), versions={HOSTILE: HOSTILE})
    finding = Finding("odd", "note", HOSTILE, HOSTILE, HOSTILE, "", (), (), ())
    card = model_card(hostile, CardContext(HOSTILE, (finding,), licence=HOSTILE, notes=(HOSTILE,)))
    assert hub.ModelCard(card).data.license == HOSTILE
    body = card.split("\n---\n", 1)[1]
    assert "\n---" not in body and "\u202e" not in card
    assert all("\\<script" in line for line in body.splitlines() if "<script" in line and not line.startswith("    "))


def test_findings_are_those_of_the_store_beside_it(store, bundle, tmp_path):
    path = choose_files("linear", store).paths[0]
    findings, seeds = findings_about(path, bundle)
    assert seeds == 2 and findings
    alone = tmp_path / "copy.safetensors"
    alone.write_bytes(path.read_bytes())
    own, none = findings_about(alone, bundle)
    assert none == 0 and len(own) < len(findings)


def test_a_model_without_measures_has_no_card(bundle):
    with pytest.raises(BakeoffError, match="--complete"):
        model_card(msgspec.structs.replace(bundle, measures={}))
