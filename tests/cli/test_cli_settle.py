"""Adding seeds to two networks until it is clear which is better."""

import json

import pytest
from json_keys import KEYS


@pytest.fixture(scope="module")
def settling(tmp_path_factory, own_cache, tiny_options):
    """A race of two networks."""
    store = str(tmp_path_factory.mktemp("settled") / "a.db")
    race = ["--until-settled", "lenet-afif,nin", "--seeds", "2", "--max-seeds", "5"]
    return ["run", *race, "--data", "digits", *tiny_options, "--store", store]


class TestUntilSettled:
    def test_adds_seeds_and_says_how_it_ended(self, bakeoff, settling):
        planned = json.loads(bakeoff(*settling, "--dry-run", "--json").out)
        assert (planned["until_settled"], planned["seeds"], planned["max_seeds"]) == (["lenet-afif", "nin"], 2, 5)
        assert (planned["runs"], planned["settled"]) == (10, [])
        said = bakeoff(*settling, "--json")
        told = json.loads(said.out)
        (settled,) = told["settled"]
        assert list(told["ranking"][0]) == KEYS
        assert settled["seeds"] == told["ranking"][0]["seeds"] > 2
        assert "digits: open after 2 seeds, too few for an interval" in said.err
        assert "Round 2: seed 2" in said.err

    def test_again_it_trains_nothing_and_says_the_same(self, bakeoff, settling):
        said = bakeoff(*settling)
        assert said.code == 0
        assert "epoch" not in said.err
        assert "95 % intervals" in said.out
        assert "digits: " in bakeoff(*settling, "--dry-run").out

    def test_a_limit_without_until_settled_is_reported(self, bakeoff):
        said = bakeoff("run", "--max-seeds", "5")
        assert (said.code, said.out) == (2, "")
        assert "--max-seeds goes with --until-settled A,B" in said.err
