"""The form in which the bench tells its figures."""

from pathlib import Path

import orjson

from bench.figures import Figure, paired_ratio, write_latest


def test_a_figure_is_one_line() -> None:
    assert str(Figure("accept to a bare endpoint", 2.6541, 3.0)) == "accept to a bare endpoint: 2.654 (to reach: <= 3)"
    assert str(Figure("x", 0.05, 0.143)) == "x: 0.050 (to reach: <= 0.143)"


def test_the_ratio_is_the_median_of_neighbours() -> None:
    assert paired_ratio([2, 30, 400], [1, 10, 200]) == 2


def test_the_latest_figures_are_written_as_json(tmp_path: Path) -> None:
    path = tmp_path / "latest.json"
    write_latest([Figure("x", 0.05123, 0.143)], path)
    assert orjson.loads(path.read_bytes()) == {"x": {"ratio": 0.0512, "to_reach": 0.143}}
