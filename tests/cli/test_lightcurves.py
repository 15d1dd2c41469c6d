from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from malca.cli import main

STAR = 25770019815
DIP_JD = 2458200.0


@pytest.fixture
def star(tmp_path, dat2):
    return dat2(tmp_path / f"{STAR}.dat2")


def run(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments):
    """One sentence of a refusal, which has exit code 2 and no traceback."""
    result = run(*arguments)
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1
    return errors[0]


def test_events_writes_its_tables(star, tmp_path):
    result = run("events", "--input", star, "--output", tmp_path / "out" / "results.parquet")
    assert result.exit_code == 0, result.output
    assert "1 stars searched, 1 with dips (1), 0 jumps, 0 failures" in result.output
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "results.parquet",
        "results_events.parquet",
    ]
    sources = pd.read_parquet(tmp_path / "out" / "results.parquet")
    events = pd.read_parquet(tmp_path / "out" / "results_events.parquet")
    assert sources["asas_sn_id"].tolist() == events["asas_sn_id"].tolist() == [STAR]
    assert sources["asas_sn_id"].dtype == "Int64"
    assert sources["dip_significant"].item()
    dip = events.iloc[0]
    assert (dip["kind"], dip["event_id"]) == ("dip", 0)
    assert DIP_JD - 30 < dip["jd_start"] < DIP_JD - 8
    assert DIP_JD + 8 < dip["jd_end"] < DIP_JD + 30
    assert dip["jd_peak"] == pytest.approx(DIP_JD, abs=1)
    assert dip["depth_mag"] == pytest.approx(0.4, abs=0.05)


def test_a_file_that_tells_no_id_goes_by_its_name(tmp_path, dat2):
    path = dat2(tmp_path / "my_star.dat2")
    result = run("events", path, "--output", tmp_path / "r.parquet")
    assert result.exit_code == 0
    for name in ("r", "r_events"):
        table = pd.read_parquet(tmp_path / f"{name}.parquet")
        assert table["name"].tolist() == ["my_star"]
        assert table["asas_sn_id"].isna().all()
        assert table["asas_sn_id"].dtype == "Int64"
    assert "my_star" in result.output


def test_unreadable_and_short_files_are_failures(star, tmp_path, dat2):
    (tmp_path / "broken.dat2").write_text("8000.5 13.1 0.01\n")
    dat2(tmp_path / "short.dat2", n_visits=4)
    result = run("events", "-i", tmp_path / "*.dat2", "-o", tmp_path / "r.parquet")
    assert result.exit_code == 0
    failures = pd.read_parquet(tmp_path / "r_failures.parquet").set_index("name")
    assert failures["stage"].to_dict() == {"broken": "read", "short": "detection"}
    assert failures["reason"].to_dict() == {"broken": "wrong_columns", "short": "too_few_points"}
    assert "8 of 8 points are usable, 10 are needed" in result.stderr
    assert "2 failures" in result.output
    assert pd.read_parquet(tmp_path / "r.parquet")["asas_sn_id"].tolist() == [STAR]


def test_nothing_searched_is_exit_code_1(tmp_path):
    (tmp_path / "broken.dat2").write_text("8000.5 13.1 0.01\n")
    result = run("events", tmp_path / "broken.dat2", "-o", tmp_path / "r.parquet")
    assert result.exit_code == 1
    assert "0 stars searched" in result.output
    assert len(pd.read_parquet(tmp_path / "r.parquet")) == 0
    assert len(pd.read_parquet(tmp_path / "r_events.parquet")) == 0
    assert len(pd.read_parquet(tmp_path / "r_failures.parquet")) == 1


def test_options_reach_the_search(star, tmp_path):
    out = tmp_path / "r.parquet"
    result = run(
        "events", star, "-o", out, "--baseline", "median", "--trigger-mode", "logbf",
        "--min-mag-offset", "0.9", "--set", "points.ln_bf_threshold_dip=6",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    row = pd.read_parquet(out).iloc[0]
    assert (row["baseline_source"], row["trigger_mode"]) == ("median", "logbf")
    assert row["dip_trigger_threshold"] == 6
    assert row["dip_n_below_min_mag_offset"] >= 1
    assert len(pd.read_parquet(tmp_path / "r_events.parquet")) == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--set", "sigma=3"], ["there is no parameter 'sigma'", "trigger_mode"]),
        (["--set", "min_points=1"], ["'min_points' = 1", "greater than or equal to 2"]),
        (["--set", "min_points"], ["--set min_points: write NAME=VALUE"]),
        (["--min-mag-offset", "-1"], ["'min_mag_offset' = -1", "greater than or equal to 0"]),
        (["--p-points", "0"], ["p_points", "greater than"]),
        (["--baseline", "spline"], ["'spline'", "'star_gp'"]),
        (["--trigger-mode", "points"], ["'points'", "'logbf'"]),
        (["--min-mag-offset", "deep"], ["'deep'"]),
    ],
)
def test_wrong_parameters_are_refused_before_any_work(star, tmp_path, arguments, told):
    sentence = refused("events", star, "-o", tmp_path / "r.parquet", *arguments)
    for part in told:
        assert part in sentence
    assert not list(tmp_path.glob("*.parquet"))


def test_missing_files_folders_and_suffixes_are_refused(star, tmp_path):
    out = tmp_path / "r.parquet"
    missing = tmp_path / "missing.dat2"
    assert refused("events", missing, "-o", out) == f"Error: no file matches {missing}"
    assert refused("stats", missing).endswith(f"no file matches {missing}")
    assert refused("plot", missing, "-o", tmp_path).endswith(f"no file matches {missing}")
    assert "is a folder: name its files" in refused("events", tmp_path, "-o", out)
    assert "ends in .parquet" in refused("events", star, "-o", tmp_path / "r.csv")
    assert "--output" in refused("events", star)
    assert sorted(path.name for path in tmp_path.iterdir()) == [star.name]


def test_stats_describes_a_star(star):
    result = run("stats", star)
    assert result.exit_code == 0, result.output
    assert str(STAR) in result.output
    assert "320" in result.output


def test_stats_writes_a_table(star, tmp_path, dat2):
    dat2(tmp_path / "2.dat2", n_visits=50)
    result = run("stats", star, tmp_path / "2.dat2", "-o", tmp_path / "stats.parquet")
    assert result.exit_code == 0, result.output
    table = pd.read_parquet(tmp_path / "stats.parquet")
    assert table["asas_sn_id"].tolist() == [STAR, 2]
    assert "2 stars" in result.output


def test_plot_draws_each_format(star, tmp_path):
    result = run("plot", star, "-o", tmp_path / "figures", "--format", "png", "--format", "html")
    assert result.exit_code == 0, result.output
    image, page = (tmp_path / "figures" / f"{STAR}.{suffix}" for suffix in ("png", "html"))
    assert image.read_bytes().startswith(b"\x89PNG")
    assert "plotly" in page.read_text(encoding="utf-8").lower()
    assert result.output.splitlines() == [str(image), str(page)]


def test_plot_of_unreadable_files_is_exit_code_1(tmp_path):
    (tmp_path / "broken.dat2").write_text("8000.5 13.1 0.01\n")
    result = run("plot", tmp_path / "broken.dat2", "-o", tmp_path / "figures")
    assert result.exit_code == 1
    assert "wrong_columns" in result.stderr


def test_fetch_needs_a_star():
    assert "name at least one star" in refused("fetch")


def test_options_of_runs_are_refused_with_files(star, tmp_path):
    for option in (["--max", "3"], ["--overwrite"], ["--mag-bin", "13_13.5"], ["--env", "demo"]):
        assert "go with --candidates" in refused("plot", star, "-o", tmp_path, *option)
    assert "name light curves" in refused("plot")


def test_help_names_the_commands():
    result = run("--help")
    assert result.exit_code == 0
    for name in ("events", "plot", "stats", "fetch", "attrition", "summary", "bundle", "rerun"):
        assert name in result.output


def test_help_imports_nothing_heavy():
    """Whoever asks what there is should not wait: neither compiled code nor figures nor Kedro."""
    code = (
        "import sys; from malca.cli import main; main(['--help'], standalone_mode=False); "
        "print([name for name in ('numba', 'pandas', 'matplotlib', 'kedro', 'mlflow') "
        "if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_kedro_finds_its_commands():
    """`kedro run` tells refusals in a sentence; Kedro asks the module for them by this name."""
    import malca.cli

    assert list(malca.cli.cli.commands) == ["run"]
    with pytest.raises(AttributeError, match="nothing_else"):
        _ = malca.cli.nothing_else
