"""The capacity model of docs/scaling.rst adds up, and the simulation agrees with its formulas."""

from __future__ import annotations

import dataclasses
import importlib
import math
from pathlib import Path

import pytest

from benchmarks import capacity
from benchmarks.capacity import BUSY, OVERHEAD, REDIS_BUSY, Cell, Constants, cell, size
from benchmarks.simulate import model
from benchmarks.simulate.__main__ import Row, main
from benchmarks.simulate.station import Station, constant, simulate
from tests.harness.redis_server import redis_server

SEED, OPERATIONS = 4, 20_000


@pytest.mark.parametrize(
    ("row", "holds"),
    [
        (Row("", 2.0, 2.09, 0.05), True),
        (Row("", 2.0, 2.3, 0.05), False),
        (Row("", 2.0, 1.7, 0.05), False),
        (Row("", 0.0, 0.04, 0.05, is_share=True), True),
        (Row("", 0.5, 0.56, 0.05, is_share=True), False),
    ],
)
def test_a_difference_that_is_too_large_is_seen(row: Row, holds: bool) -> None:
    assert row.holds is holds
    assert ("TOO MUCH" in str(row)) is not holds


@pytest.mark.parametrize(("operations", "code"), [(OPERATIONS, 0), (50, 1)])
def test_the_command_fails_where_a_difference_is_too_large(
    operations: int, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    # Fifty operations are too few for an average to be one.
    assert main(["--seed", str(SEED), "--operations", str(operations)]) == code
    assert ("TOO MUCH" in capsys.readouterr().out) is bool(code)


def test_the_simulation_is_the_same_for_the_same_seed() -> None:
    station = Station(rate=2.0, upstream=constant(1.0), places=3)
    assert simulate(station, 500, SEED) == simulate(station, 500, SEED)
    assert simulate(station, 500, SEED) != simulate(station, 500, SEED + 1)


def test_of_operations_that_need_nothing_none_waits() -> None:
    outcome = simulate(Station(rate=1.0, places=1), 500, SEED, warm_up=0)
    assert outcome.waited == [0.0] * 500
    assert outcome.in_time == 1.0


def test_two_at_once_share_a_processor() -> None:
    # They come within a moment, and each needs a second: both are done after two.
    outcome = simulate(Station(rate=1e6, cost=1.0), 2, SEED, warm_up=0)
    assert outcome.took == pytest.approx([2.0, 2.0], abs=1e-4)


def test_what_finds_the_channel_full_is_refused_and_what_is_late_is_not_begun() -> None:
    # All come within a moment: one has the place, two wait on the channel, the last of them for too long.
    station = Station(rate=1e9, upstream=constant(1.0), places=1, capacity=2, deadline=1.5)
    outcome = simulate(station, 10, SEED, warm_up=0)
    assert (len(outcome.took), outcome.late, outcome.refused) == (1, 2, 7)


def test_erlang_c_is_what_tables_have() -> None:
    assert model.waits(1, 0.8) == pytest.approx(0.8)
    assert model.waits(10, 8.0) == pytest.approx(0.409, abs=0.001)
    assert model.wait_constant(1, 0.5, 1.0) == pytest.approx(0.5)  # M/D/1: Pollaczek and Khinchine


@pytest.mark.parametrize("in_flight", capacity.SIZES)
@pytest.mark.parametrize("seconds", capacity.UPSTREAMS)
def test_what_a_load_is_given_is_enough(in_flight: int, seconds: float) -> None:
    found = size(in_flight, seconds)
    cell, constants = found.cell, found.cell.constants
    assert found.cells * cell.in_flight == pytest.approx(in_flight)
    assert found.rate == pytest.approx(model.in_flight(found.rate, seconds) / seconds)
    work = cell.rate * constants.server / (cell.servers - 1)
    assert work + cell.server_overhead <= BUSY + 1e-9
    assert cell.rate * (constants.server_redis + constants.site_redis) / cell.shards <= REDIS_BUSY
    assert cell.in_flight / (cell.servers - 1) <= capacity.PLACES
    assert cell.server_overhead <= OVERHEAD
    assert cell.redis_overhead <= OVERHEAD


def test_more_in_flight_never_needs_less() -> None:
    found = [size(10**power, 1.0) for power in range(2, 8)]
    totals = [(one.cells, one.cells * one.cell.servers, one.servers_memory) for one in found]
    assert totals == sorted(totals)


@pytest.mark.parametrize("words", [["--seconds", "0"], ["--seconds", "nan"], ["--in-flight", "0"]])
def test_a_load_that_is_none_is_refused(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["capacity", *words])
    with pytest.raises(SystemExit, match="2"):
        capacity.main()
    assert "are to be above 0" in capsys.readouterr().err


def test_cheaper_operations_need_fewer_servers() -> None:
    cheap = dataclasses.replace(Constants(), server=Constants().server / 5)
    assert cell(5000, 0, cheap).servers < cell(5000, 0, Constants()).servers


def test_heartbeats_grow_with_the_square_of_the_servers() -> None:
    few, many = (Cell(0, 0, servers, 1, Constants()).redis_overhead for servers in (500, 5000))
    assert 80 < many / few < 100


def test_each_constant_says_what_prints_it() -> None:
    for one in dataclasses.fields(Constants):
        path = capacity.ROOT / one.metadata["command"].split()[1]
        assert path.exists(), path


def test_a_cell_in_which_fewer_look_for_those_that_have_gone_can_be_larger() -> None:
    rates = [capacity.largest_cell(Constants(), lookers).rate for lookers in (math.inf, 2, 0)]
    assert rates == sorted(rates)


@pytest.mark.parametrize("looks", [True, False])
def test_a_server_has_as_many_connections_to_redis_as_the_model_reckons_with(
    looks: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(capacity.ROOT / "benchmarks"))
    monkeypatch.chdir(tmp_path)
    redis_costs = importlib.import_module("redis_costs")
    cell = capacity.quadratic(servers=1, shards=2)
    with redis_server() as redis:
        counted = redis_costs.connections(redis, 2, *(() if looks else redis_costs.DOES_NOT_LOOK))
    assert counted == {shard: cell.to_redis(shard, looks=looks) for shard in range(2)}


def test_the_first_shard_counts_the_servers_that_look_and_those_that_do_not() -> None:
    two, all_ = (Cell(0, 0, 10, 3, Constants(), lookers).connections for lookers in (2, math.inf))
    assert two == 2 * 6 + 8 * 5 + 1 + 15  # a daphne, and five workers a shard
    assert all_ == 10 * 6 + 1 + 15
