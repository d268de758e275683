import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stored import DATA, ENVIRONMENT, INFO, ME, OTHER, OUTCOME, PROBABILITIES, RUN, SOMEBODY, epoch

from bakeoff.errors import BakeoffError
from bakeoff.spec.records import Outcome
from bakeoff.spec.values import digest, to_dict
from bakeoff.store import codec
from bakeoff.store.store import Store


class TestFaults:
    def test_a_full_disk_gives_one_sentence_and_nothing_is_half_written(self, store):
        store.claim(RUN.id, ME)
        pages = store._pragma("page_count")
        store._db.execute(f"PRAGMA max_page_count = {pages}")
        random = np.random.default_rng(0).random((4, 5000)).astype(np.float16)
        large = Outcome(3, OUTCOME.predicted, random, OUTCOME.measures)
        facts = to_dict(INFO) | {"classes": [str(number) for number in range(5000)]}
        with pytest.raises(BakeoffError, match=r"cannot write to the store .*a\.db: database or disk is full"):
            store.finish(RUN.id, large, ENVIRONMENT)
        assert store.results()[0].state == "running"
        assert store.results()[0].measures == {}
        store._db.execute("PRAGMA max_page_count = 100000")
        store._db.execute("UPDATE datasets SET facts = ?", [json.dumps(facts)])
        store.finish(RUN.id, large, ENVIRONMENT)
        assert store.results()[0].state == "done"

    def test_a_locked_store_gives_one_sentence(self, store):
        with Store(store.path) as other:
            other._db.execute("PRAGMA busy_timeout = 10")
            with (
                store.transaction(),
                pytest.raises(BakeoffError, match=r"cannot write to the store .* database is locked"),
            ):
                other.beat(SOMEBODY)

    @pytest.mark.parametrize(
        "damage",
        [
            "UPDATE runs SET settings = '{' WHERE {this}",
            "UPDATE runs SET settings = '{}' WHERE {this}",
            "UPDATE runs SET settings = '[]' WHERE {this}",
            "UPDATE runs SET settings = {deep} WHERE {this}",
            """UPDATE runs SET settings = replace(settings, '"seed"', '"sead"') WHERE {this}""",
            "UPDATE runs SET settings = replace(settings, '0.1', '0.2') WHERE {this}",
            "UPDATE runs SET settings = cast(x'ff' AS TEXT) WHERE {this}",
            "UPDATE runs SET state = 'waiting' WHERE {this}",
            "UPDATE runs SET seal = 'x' WHERE {this}",
            "UPDATE runs SET environment = 77 WHERE {this}",
            "UPDATE runs SET started = 7 WHERE {this}",
            "UPDATE runs SET finished = '2026-11-27T06:53:22\ufffd00' WHERE {this}",
            "UPDATE runs SET data_hash = 'gone' WHERE {this}",
            "DELETE FROM runs WHERE {this}",
            "UPDATE measures SET value = 'much' WHERE run = '{id}'",
            "UPDATE measures SET value = 9e999 WHERE run = '{id}' AND name = 'epochs'",
            "UPDATE measures SET value = 0.76 WHERE run = '{id}' AND name = 'test_accuracy'",
            "UPDATE measures SET name = 'tost_accuracy' WHERE run = '{id}' AND name = 'test_accuracy'",
            "DELETE FROM measures WHERE run = '{id}' AND name = 'epochs'",
            "UPDATE epochs SET train_loss = 'much' WHERE run = '{id}'",
            "UPDATE epochs SET learning_rate = x'00' WHERE run = '{id}'",
            "UPDATE epochs SET train_loss = 1.5 WHERE run = '{id}'",
            "DELETE FROM epochs WHERE run = '{id}'",
            "UPDATE predictions SET predicted = x'00' WHERE run = '{id}'",
            "UPDATE predictions SET probabilities = substr(probabilities, 1, 9) WHERE run = '{id}'",
            "UPDATE predictions SET classes = 7 WHERE run = '{id}'",
            "DELETE FROM predictions WHERE run = '{id}'",
        ],
    )
    def test_damage_costs_the_run_it_belongs_to_and_no_other(self, store, damage):
        for run in (RUN, OTHER):
            store.record_epoch(run.id, epoch(1))
            store.finish(run.id, OUTCOME, ENVIRONMENT)
        _, whole = store.results()
        store._db.execute("PRAGMA foreign_keys = OFF")
        deep = "'" + 100_000 * "[" + "'"
        store._db.execute(damage.replace("{this}", f"id = '{RUN.id}'").replace("{id}", RUN.id).replace("{deep}", deep))
        (left,) = store.results()
        assert (left.id, left.measures, left.epochs) == (OTHER.id, whole.measures, whole.epochs)
        (broken,) = store.unreadable()
        assert (broken.id, broken.state) == (RUN.id, "damaged")
        assert store.states([RUN.id, OTHER.id]) == {RUN.id: "damaged", OTHER.id: "done"}
        if "DELETE FROM runs" not in damage:
            assert (broken.net, broken.data, broken.recipe, broken.seed) == ("conv", "digits", "r", 0)
        assert store.forget([RUN.id], ME) == [RUN.id]
        store.add([RUN], [DATA])
        assert [result.state for result in store.results()] == ["done", "waiting"]
        assert store.unreadable() == []

    @pytest.mark.parametrize(
        "damage",
        ["UPDATE environments SET facts = 'x'", "UPDATE datasets SET test_labels = x'00'",
         "UPDATE datasets SET facts = '[]'"],
    )  # fmt: skip
    def test_damage_of_what_runs_share_costs_those_that_have_a_result(self, store, damage):
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store._db.execute(damage)
        assert [result.id for result in store.results()] == [OTHER.id]
        assert [run.id for run in store.unreadable()] == [RUN.id]

    @pytest.mark.parametrize("is_finished", [True, False])
    def test_what_a_newer_version_wrote_is_not_called_damaged(self, store, is_finished):
        """Its recipes may have fields that this version does not know."""
        if is_finished:
            store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        settings = json.loads(store._db.execute("SELECT settings FROM runs WHERE id = ?", (RUN.id,)).fetchone()[0])
        settings["recipe"]["invented"] = 3
        text = json.dumps(settings)
        recipe = {name: value for name, value in settings["recipe"].items() if name != "name"}
        identity = [settings["protocol"], settings["net"], settings["data_hash"], digest(recipe), settings["seed"]]
        if is_finished:
            seal = codec.seal(text, [], OUTCOME.measures)
            store._db.execute("UPDATE runs SET settings = ?, seal = ? WHERE id = ?", (text, seal, RUN.id))
        else:
            store._db.execute(
                "UPDATE runs SET settings = ?, id = ? WHERE id = ?", (text, digest(identity)[:16], RUN.id)
            )
        (newer,) = store.unreadable()
        assert newer.state == "newer"
        assert "invented" in newer.reason
        assert "upgrade bakeoff" in newer.reason
        assert [result.id for result in store.results()] == [OTHER.id]

    def test_a_bug_is_not_reported_as_damage(self, store, monkeypatch):
        monkeypatch.setattr("bakeoff.store.reader.label_versions", lambda *_: {}["missing"])
        with pytest.raises(KeyError):
            store.results()

    def test_measures_that_are_no_numbers_are_left_out(self, store):
        measures = {"test_accuracy": 0.5, "speed": float("inf"), "energy": float("nan")}
        store.record_epoch(RUN.id, epoch(1, validation_loss=float("inf")))
        store.finish(RUN.id, replace(OUTCOME, measures=measures), ENVIRONMENT)
        store.add_measures(RUN.id, {"robustness": float("nan"), "more": 0.25})
        result = store.results()[0]
        assert result.measures == {"test_accuracy": 0.5, "more": 0.25}
        assert result.epochs[0].validation_loss is None

    def test_any_number_keeps_its_seal(self, store):
        measures = {"minus zero": -0.0, "tiny": 5e-324, "large": 2**60, "third": 1 / 3, "none": 0, "most": 1.7e308}
        store.record_epoch(RUN.id, epoch(1, train_loss=-0.0, validation_loss=float("nan")))
        store.finish(RUN.id, Outcome(3, OUTCOME.predicted, PROBABILITIES, measures), ENVIRONMENT)
        assert store.results()[0].measures == measures

    def test_stores_without_seals_can_be_read(self, store):
        store.finish(RUN.id, OUTCOME, ENVIRONMENT)
        store._db.execute("UPDATE runs SET seal = NULL")
        assert store.results()[0].measures == OUTCOME.measures

    def test_a_file_cut_short_gives_one_sentence(self, tmp_path, store):
        store.close()
        copy = tmp_path / "cut.db"
        whole = Path(store.path).read_bytes()
        copy.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BakeoffError, match=r"cut\.db"), Store(copy) as opened:
            opened.results()
