import json
import threading
from dataclasses import replace

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import DATA, ENVIRONMENT, LABELS, ME, OTHER, OUTCOME, PROBABILITIES, RUN, epoch

from bakeoff.errors import BakeoffError
from bakeoff.spec.records import DataRecord, Epoch, Outcome
from bakeoff.spec.run import PROTOCOL
from bakeoff.store import codec
from bakeoff.store.store import Store
from generated import RUNS, values
from tiny import ClaimingStore


class TestResults:
    def test_come_back_as_they_were_given(self, store):
        assert store.claim(RUN.id, ME)
        epochs = [epoch(1), epoch(2, validation_loss=None, validation_accuracy=None), epoch(3)]
        for one in epochs:
            store.record_epoch(RUN.id, one)
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        done, waiting = store.results()
        assert (done.run, done.state, done.epochs) == (RUN, "done", tuple(epochs))
        assert done.measures == OUTCOME.measures
        assert done.environment == ENVIRONMENT
        assert done.failure is None
        assert done.started is not None and done.started <= done.finished
        assert (waiting.run, waiting.state, waiting.epochs, waiting.measures) == (OTHER, "waiting", (), {})
        predicted, probabilities = store.predictions(RUN.id)
        assert (predicted == OUTCOME.predicted).all()
        assert (probabilities == PROBABILITIES).all()
        assert (predicted.dtype, probabilities.dtype) == (np.uint16, np.float16)
        assert store.results([OTHER.id]) == [waiting]
        assert store.states([RUN.id, "unknown"]) == {RUN.id: "done"}

    @pytest.mark.parametrize("kept", [0, 2**26])
    def test_predictions_that_another_command_wrote_are_read_again(self, store, monkeypatch, kept):
        monkeypatch.setattr("bakeoff.store.reader.KEPT", kept)
        assert store.claim(RUN.id, ME)
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store.read()
        assert store.predicted(RUN.id).tolist() == OUTCOME.predicted.tolist()
        others = np.zeros(len(LABELS), np.uint16)
        with Store(store.path) as another, another.transaction():
            another._db.execute("UPDATE predictions SET predicted = ?", (codec.pack_array(others, np.uint16),))
        assert store.predicted(RUN.id).tolist() == others.tolist()
        assert store.predictions(RUN.id)[0].tolist() == others.tolist()

    def test_keep_the_protocol_they_were_trained_by(self, store):
        """Also that of stores that do not record it: it was the first."""
        old = msgspec.structs.replace(OTHER, protocol=1)
        store.add([old], [DATA])
        store._db.execute("UPDATE runs SET settings = json_remove(settings, '$.protocol') WHERE id = ?", (old.id,))
        assert {r.id: r.run.protocol for r in store.results([RUN.id, old.id])} == {RUN.id: PROTOCOL, old.id: 1}

    def test_are_seen_by_others_when_they_are_there(self, store):
        with Store(store.path) as other:
            assert other.states([RUN.id]) == {RUN.id: "waiting"}
            store.claim(RUN.id, ME)
            store.finish(RUN.id, OUTCOME, ENVIRONMENT)
            assert other.results([RUN.id])[0].measures == OUTCOME.measures

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
    @given(runs=st.lists(RUNS, max_size=3), curve=st.lists(values(Epoch), max_size=4))
    def test_of_any_run_come_back(self, tmp_path, runs, curve):
        curve = [
            Epoch(*(codec.epoch_value(name, getattr(one, name)) for name in Epoch.__struct_fields__)) for one in curve
        ]
        path = tmp_path / "any.db"
        path.unlink(missing_ok=True)
        with ClaimingStore(path, create=True) as store:
            store.add(runs, [])
            for run in runs:
                for number, one in enumerate(curve, start=1):
                    store.record_epoch(run.id, msgspec.structs.replace(one, epoch=number))
            unique = list({run.id: run for run in reversed(runs)}.values())[::-1]
            results = store.results()
            assert [result.id for result in results] == [run.id for run in unique]
            assert all(
                [msgspec.structs.replace(e, epoch=0) for e in result.epochs]
                == [msgspec.structs.replace(e, epoch=0) for e in curve]
                for result in results
            )

    def test_need_as_many_predictions_as_test_images(self, store):
        store.claim(RUN.id, ME)
        for wrong in (
            Outcome(3, OUTCOME.predicted[:3], PROBABILITIES[:3], {}),
            Outcome(3, OUTCOME.predicted[:3], PROBABILITIES, {}),
        ):
            with pytest.raises(BakeoffError, match=r"expected 4 predictions, got ."):
                store.finish(RUN.id, wrong, ENVIRONMENT)
        (result, _) = store.results()
        assert (result.state, result.measures, result.environment) == ("running", {}, {})
        with pytest.raises(BakeoffError, match=r"its predictions are missing"):
            store.predictions(RUN.id)
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)

    def test_are_all_there_or_not_at_all(self, store, monkeypatch):
        def stop(*_):
            raise KeyboardInterrupt

        store.claim(RUN.id, ME)
        monkeypatch.setattr(store, "_set_environment", stop)
        with pytest.raises(KeyboardInterrupt):
            store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        assert store.results()[0].measures == {}
        assert store.states([RUN.id])[RUN.id] == "running"

    def test_are_read_as_they_were_at_one_moment(self, store):
        """A reader never sees a run that is done and has no measures."""
        stop = threading.Event()

        def write():
            with ClaimingStore(store.path) as writer:
                while not stop.is_set():
                    writer.forget([RUN.id], "me")
                    writer.add([RUN], [DATA])
                    writer.finish(RUN.id, OUTCOME, ENVIRONMENT)

        thread = threading.Thread(target=write)
        thread.start()
        try:
            seen = [result for _ in range(200) for result in store.results([RUN.id])]
        finally:
            stop.set()
            thread.join()
        assert all((result.state == "done") == bool(result.measures) for result in seen)

    def test_of_data_sets_need_no_images(self, store):
        record = store.datasets()["hash"]
        assert (record.test_labels == LABELS).all()
        assert record.facts == DATA.facts
        changed = DataRecord("hash", {"name": "other"}, LABELS[:2])
        store.add([], [changed])
        assert store.datasets()["hash"].facts == DATA.facts

    def test_of_the_same_machine_share_their_environment(self, store):
        for run in (RUN, OTHER):
            store.finish(run.id, OUTCOME, ENVIRONMENT)
        assert store._db.execute("SELECT count(*) FROM environments").fetchone()[0] == 1

    def test_of_one_network_share_its_layers(self, store):
        layers = ({"name": "0", "type": "Conv2d", "input": [1, 8, 8], "output": [4, 6, 6], "parameters": 40},)
        for run in (RUN, OTHER):
            store.finish(run.id, replace(OUTCOME, layers=layers), ENVIRONMENT)
        assert [result.layers for result in store.results()] == [layers, layers]
        assert store._db.execute("SELECT count(*) FROM networks").fetchone()[0] == 1
        store.forget([RUN.id], ME)
        store.add([RUN], [DATA])
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        assert [result.layers for result in store.results()] == [layers, ()]

    def test_of_data_sets_get_their_duplicates_later(self, store):
        """Older stores have none, and what else is known of a data set stays."""
        later = {"name": "other", "duplicates": {"known": [2], "conflicting": 0}}
        store.add([], iter([DataRecord("hash", later, LABELS)]))
        assert store.datasets()["hash"].facts == DATA.facts | {"duplicates": later["duplicates"]}
        store.add([], [DataRecord("hash", {"duplicates": {}}, LABELS)])
        assert store.datasets()["hash"].facts == DATA.facts | {"duplicates": later["duplicates"]}

    def test_of_what_was_asked_are_kept_once(self, store):
        for command in ("bakeoff run a", "bakeoff run a", "bakeoff run b"):
            store.record_study("name = 'a'", command)
        assert [(command, study) for _, command, study in store.studies()] == [
            ("bakeoff run a", "name = 'a'"),
            ("bakeoff run b", "name = 'a'"),
        ]


class TestEpochs:
    def test_that_are_repeated_replace_what_came_after(self, store):
        for number in (1, 2, 3):
            store.record_epoch(RUN.id, epoch(number))
        store.record_epoch(RUN.id, epoch(2, train_loss=0.25))
        assert [(e.epoch, e.train_loss) for e in store.results()[0].epochs] == [(1, 1.0), (2, 0.25)]

    def test_of_other_runs_stay(self, store):
        store.record_epoch(OTHER.id, epoch(2))
        store.record_epoch(RUN.id, epoch(1))
        assert len(store.results()[1].epochs) == 1

    def test_with_a_loss_that_is_no_number_are_kept_without_it(self, store):
        store.record_epoch(RUN.id, epoch(1, validation_loss=float("nan")))
        assert store.results()[0].epochs[0].validation_loss is None


def test_settings_are_stored_as_readable_json(store):
    row = store._db.execute("SELECT settings FROM runs").fetchone()
    assert json.loads(row["settings"])["recipe"]["optimizer"] == {"name": "sgd", "lr": 0.1}
