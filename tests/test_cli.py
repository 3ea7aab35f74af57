"""The command line: what it prints, which codes it exits with, what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from affetto import cli
from affetto.demo import demo_songs, demo_table
from affetto.features import FEATURE_NAMES
from affetto.model import load_model
from command_line import AFFETTO, affetto


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    path = tmp_path / "songs.csv"
    demo_songs().write_csv(path)
    return path


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    demo_table(tracks_per_playlist=20).write_csv(folder / "tracks.csv")
    affetto("train", folder / "tracks.csv", "--group", "playlist", "--out", folder / "run",
            "--candidates", "logistic,extra-trees", "--jobs", "1")  # fmt: skip
    return folder


def all_commands() -> list[list[str]]:
    """Every command and group, as a person types them."""
    names: list[list[str]] = [[]]
    for app, prefix in ((cli.app, []), (cli.model_app, ["model"])):
        names += [
            [*prefix, *([group.name] if group.name else [])] for group in app.registered_groups
        ]
        for command in app.registered_commands:
            assert command.callback is not None
            name = command.name or command.callback.__name__
            names.append([*prefix, name])
    return names


@pytest.mark.parametrize("command", all_commands(), ids=" ".join)
def test_every_command_has_help(command: list[str]) -> None:
    out, _ = affetto(*command, "--help")
    assert "Usage:" in out
    lines = [line for line in out.splitlines() if line.startswith("  -") and "--help" not in line]
    assert all(len(line.split(maxsplit=2)) == 3 for line in lines), out


def test_the_commands_of_the_readme_exist() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    known = {" ".join(command) for command in all_commands()}
    for name in ("demo", "label", "train", "report", "model show"):
        assert name in known
        assert f"affetto {name}" in readme


def test_version() -> None:
    out, _ = affetto("--version")
    assert out == "affetto 0.1.0\n"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['affetto', '--help']\n"
        "from affetto.cli import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & "
        "{'numpy', 'polars', 'sklearn', 'scipy', 'jinja2', 'rich'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_label_prints_moods_and_counts(songs: Path) -> None:
    out, _ = affetto("label", songs)
    titles = demo_songs()["title"].to_list()
    assert all(title[:20] in out for title in titles)
    assert "next best" in out
    assert "%" in out


def test_label_writes_a_file_and_says_so(songs: Path, tmp_path: Path) -> None:
    _, err = affetto("label", songs, "--out", tmp_path / "moods.parquet")
    assert "8 rows" in err
    assert len(pl.read_parquet(tmp_path / "moods.parquet")) == 8


def test_label_json_is_json_lines(songs: Path) -> None:
    out, _ = affetto("label", songs, "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert len(rows) == 8
    assert sum(rows[0][key] for key in rows[0] if key.startswith("p_")) == pytest.approx(
        1, abs=1e-5
    )


def test_a_bad_row_gives_exit_code_1_and_the_others_their_moods(tmp_path: Path) -> None:
    demo_songs().with_columns(
        tempo=pl.Series(["x", *["120"] * 7])
    ).write_csv(tmp_path / "songs.csv")  # fmt: skip
    out, err = affetto("label", tmp_path / "songs.csv", code=1)
    assert out.count("not labelled") == 1
    assert f"{demo_songs()['title'][0]} – {demo_songs()['artist'][0]}: tempo: 'x' is not" in err
    assert "1 row could not be labelled" in err


def test_markup_in_a_title_is_printed_as_it_stands(tmp_path: Path) -> None:
    demo_songs().head(1).with_columns(title=pl.lit("[bold]x[/] \x1b[31m")).write_csv(
        tmp_path / "songs.csv"
    )
    out, _ = affetto("label", tmp_path / "songs.csv")
    assert "[bold]x[/]" in out
    assert "\x1b[31m" not in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["label", "absent.csv"], 1, "absent.csv"),
        (["label", "songs.csv", "--model", "absent.affetto"], 1, "absent.affetto"),
        (["label", "songs.csv", "--out", "moods.xls"], 2, "expected a name that ends in"),
        (["train", "songs.csv", "--map", "joy=Hapy"], 2, "did you mean Happy?"),
        (["train", "Agressive=songs.csv"], 2, "did you mean Aggressive?"),
        (["model", "export", "model.txt"], 2, "expected a name that ends in .affetto"),
        (["label", "songs.csv", "--keep", "nope"], 2, "no column 'nope' to keep"),
        (["label", "dataset:nope"], 1, "nope"),
        (["label"], 2, "Missing argument"),
        (["train", "songs.csv"], 1, "no label column 'mood'"),
        (["train", "songs.csv", "--map", "angry"], 2, "expected label=Mood"),
        (["train", "songs.csv", "--label", "title", "--map", "nope=Happy"], 2, "does not occur"),
        (["train", "songs.csv", "--candidates", "nope"], 2, "unknown candidate 'nope'"),
        (["train", "songs.csv", "--features", "nope"], 2, "unknown feature 'nope'"),
        (["train", "songs.csv", "--test-size", "2"], 2, "test size 2"),
        (["train", "songs.csv", "--out", "songs.csv"], 1, "is a file; name a folder"),
        (["report", "nowhere"], 1, "nowhere"),
        (["model", "show", "songs.csv"], 1, "songs.csv"),
        (["--nonsense"], 2, "No such option"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_errors_are_one_message_and_a_code(
    songs: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, message: str
) -> None:
    monkeypatch.chdir(songs.parent)
    _, err = affetto(*arguments, code=code)
    assert message in " ".join(err.split())
    assert "Traceback" not in err
    assert [path.name for path in songs.parent.iterdir()] == ["songs.csv"]


def test_train_writes_what_the_design_says(trained: Path) -> None:
    assert {path.name for path in (trained / "run").iterdir()} == {
        "model.affetto", "evidence.json", "report.html"
    }  # fmt: skip
    evidence = json.loads((trained / "run" / "evidence.json").read_text(encoding="utf-8"))
    assert evidence["unseen_group"]["folds"] == 32
    assert {row["name"] for row in evidence["candidates"]} == {"logistic", "extra-trees"}


def test_train_prints_a_summary(trained: Path, tmp_path: Path) -> None:
    out, err = affetto(
        "train", trained / "tracks.csv", "--candidates", "logistic", "--out", tmp_path / "run",
        "--jobs", "1", "--group", "playlist",
    )  # fmt: skip
    text = " ".join(out.split())
    assert "200 of 200 rows used" in text
    assert "← chosen" in text
    assert "judged on accuracy 95% interval balanced" in text
    assert "tracks drawn at random 0." in text
    assert "groups never seen 0." in text
    assert "training: searching (stages left: 5)" in err


def test_train_json_gives_the_evidence(trained: Path, tmp_path: Path) -> None:
    out, _ = affetto(
        "train", trained / "tracks.csv", "--candidates", "logistic", "--json", "--jobs", "1",
        "--out", tmp_path / "run",
    )  # fmt: skip
    written = json.loads((tmp_path / "run" / "evidence.json").read_text(encoding="utf-8"))
    assert json.loads(out) == written


def test_one_mood_a_file(tmp_path: Path) -> None:
    table = demo_table(tracks_per_playlist=20)
    for mood in ("Happy", "Dark"):
        part = table.filter(pl.col("mood") == mood).select("title", "artist", *FEATURE_NAMES)
        part.write_csv(tmp_path / f"{mood}.csv")
    affetto(
        "train", f"happy={tmp_path}/Happy.csv", f"Gloomy={tmp_path}/Dark.csv", "--out",
        tmp_path / "run", "--candidates", "logistic", "--jobs", "1",
    )  # fmt: skip
    assert load_model(tmp_path / "run" / "model.affetto").moods == ("Happy", "Gloomy")


def test_map_and_drop(tmp_path: Path) -> None:
    words = {"Happy": "joy", "Dark": "gloom", "Relaxing": "calm"}
    table = demo_table(tracks_per_playlist=20).with_columns(
        pl.col("mood").replace(words).alias("feel")
    )
    table.drop("mood").write_csv(tmp_path / "t.csv")
    affetto(
        "train", tmp_path / "t.csv", "--label", "feel", "--map", "joy=Happy,gloom=Dark",
        "--drop", "calm,Energetic", "--out", tmp_path / "run", "--candidates", "logistic",
        "--jobs", "1",
    )  # fmt: skip
    assert load_model(tmp_path / "run" / "model.affetto").moods == ("Dark", "Aggressive", "Happy")


def test_report_is_drawn_anew(trained: Path, tmp_path: Path) -> None:
    affetto("report", trained / "run", "--out", tmp_path / "again.html")
    first = (trained / "run" / "report.html").read_bytes()
    assert (tmp_path / "again.html").read_bytes() == first


def test_model_commands(trained: Path, tmp_path: Path) -> None:
    model = trained / "run" / "model.affetto"
    out, _ = affetto("model", "show", model)
    assert "Energetic" in out
    facts = json.loads(affetto("model", "show", model, "--json")[0])
    assert facts["features"] == list(FEATURE_NAMES)
    assert "default" in affetto("model", "list")[0]
    affetto("model", "export", tmp_path / "copy.affetto", "--model", model)
    assert (tmp_path / "copy.affetto").read_bytes() == model.read_bytes()


def stopped(
    command: list[str], watch: Path, pattern: str, wait: float = 0.0
) -> subprocess.CompletedProcess[str]:
    """Start a command, send Ctrl-C once a file that matches appears, and wait.

    As a terminal does: to the process and to all that it started.
    """
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=watch,
        start_new_session=True,
    )
    deadline = time.monotonic() + 60
    while not list(watch.glob(pattern)) and process.poll() is None:
        assert time.monotonic() < deadline, "the command never began"
        time.sleep(0.02)
    time.sleep(wait)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def test_ctrl_c_while_labelling_leaves_nothing(tmp_path: Path) -> None:
    rows = demo_table().select(FEATURE_NAMES)[np.arange(3_000_000) % 500]
    rows.write_parquet(tmp_path / "many.parquet")
    done = stopped([*AFFETTO, "label", "many.parquet", "--out", "out.csv"], tmp_path, ".part-*")
    assert done.returncode == 130, done.stderr
    assert "stopped; nothing half-written" in " ".join(done.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["many.parquet"]


@pytest.mark.parametrize("wait", [0.0, 6.0], ids=["at once", "while processes work"])
def test_ctrl_c_while_training_leaves_nothing(tmp_path: Path, wait: float) -> None:
    demo_table().write_csv(tmp_path / "tracks.csv")
    done = stopped([*AFFETTO, "train", "tracks.csv", "--out", "run"], tmp_path, "run", wait)
    assert done.returncode == 130, done.stderr
    assert "stopped; nothing half-written" in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["tracks.csv"]
