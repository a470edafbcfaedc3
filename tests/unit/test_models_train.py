"""A real, tiny training run: it learns, resumes as if nothing had been, refuses rubbish."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models import checkpoints, train, trainer
from models.catalog import photos
from models.contracts import contract_for
from models.dataset import Curriculum, PairBatches, collate, make_pair
from models.networks import INPUT
from models.prepare import Face, photo_faces
from models.supply import HeldOut, Making, Order, Supply, stock
from models.trainer import Plan, Trainer
from realtime.errors import ConfigError

MAKING = Making(generator_steps=0, validation_pairs=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The public-domain portrait of scikit-image in several lights, as a data folder."""
    from skimage.data import astronaut

    root = tmp_path_factory.mktemp("data")
    (root / "faces").mkdir()
    portrait = cv2.cvtColor(astronaut()[:260, 90:350], cv2.COLOR_RGB2BGR)
    rows = []
    for i, light in enumerate((0.6, 0.8, 1.0, 1.2)):
        picture = np.clip(portrait * light, 0, 255).astype(np.uint8)
        cv2.imwrite(str(root / "faces" / f"{i}.png"), picture)
        rows.append((f"{i}.png", "studio", f"{i}.png"))
    cv2.imwrite(str(root / "faces" / "held.png"), portrait[:, ::-1])
    rows.append(("held.png", "utkface_mohanish", _held_out_name()))
    (root / "faces" / "plain.png").write_bytes(
        cv2.imencode(".png", np.full((80, 80, 3), 90, np.uint8))[1].tobytes()
    )
    (root / "faces" / "broken.png").write_bytes(b"no picture at all")
    rows += [("plain.png", "studio", "p"), ("broken.png", "studio", "b")]
    with (root / "faces.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("file", "source", "original"))
        writer.writerows(rows)
    return root


def _held_out_name() -> str:
    from models.catalog import photo_split

    names = (f"{i}.jpg" for i in range(1000))
    return next(n for n in names if photo_split("utkface_mohanish", n) == "validation")


@pytest.fixture(scope="module")
def supplied(data: Path) -> Supply:
    made = stock(data, data / "cache", contract_for("cellnet"), MAKING, lambda _: None)
    return made.supply(Order())


@pytest.fixture(scope="module")
def faces(data: Path) -> list[Face]:
    return photo_faces(photos(data), data / "cache", lambda _: None)


def plan(**changes: float) -> Plan:
    settings = {"steps": 6, "pairs": 2, "workers": 0, **changes}
    return Plan(minutes=None, **settings)  # type: ignore[arg-type]


def test_only_pictures_with_a_face_are_used(faces: list[Face], supplied: Supply) -> None:
    names = ["0.png", "1.png", "2.png", "3.png", "held.png"]
    assert sorted(face.path.name for face in faces) == names
    assert all(face.landmarks.shape == (468, 2) for face in faces)
    assert supplied.faces == 4  # one is held out, to validate with
    assert [len(batch.images) for batch in supplied.validation["photo"]] == [8]


def test_a_pair_is_alike_but_for_the_blend(faces: list[Face]) -> None:
    contract = contract_for("cellnet")
    for seed in range(8):
        pair = make_pair(faces[0], contract, np.random.default_rng(seed), 0.0)
        assert pair is not None
        assert pair.real.shape == pair.fake.shape == (*INPUT.size, 3)
        assert pair.weight.shape == INPUT.size
        assert pair.weight.max() > 0.9
        change = np.abs(pair.real.astype(float) - pair.fake).mean(2)
        assert change[pair.weight > 0.5].mean() + change[pair.weight < 0.01].mean() > 0.5


def test_batches_depend_on_their_number_alone(supplied: Supply) -> None:
    def batches(seed: int) -> PairBatches:
        return PairBatches(supplied.maker, contract_for("cellnet"), Curriculum(10), 2, seed)

    made = batches(3)
    later, first = made[4], made[0]
    again, other = batches(3)[4], batches(4)[4]
    assert torch.equal(later.images, again.images)
    assert torch.equal(later.cells, again.cells)
    assert not torch.equal(later.images, other.images)
    assert not torch.equal(later.images, first.images)
    assert later.labels[:, 0].tolist() == [0, 0, 1, 1]
    assert not later.cells[:2].any()
    assert later.cells[2:].amax() > 0.1
    assert later.cells.amax() <= 1


def test_blends_get_harder_along_the_run() -> None:
    by_steps = Curriculum(100)
    bounds = [by_steps.bound(n) for n in (0, 20, 60, 100)]
    assert bounds[0] < 0.3 < bounds[1] < bounds[2] == bounds[3] == 1
    by_clock = Curriculum(None)
    by_clock.advance(0.2)
    assert by_clock.bound(0) == pytest.approx(by_steps.bound(20))


def test_a_curriculum_may_start_hard() -> None:
    assert Curriculum(100, start=1.0).bound(0) == 1


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    supplied: Supply, tmp_path: Path
) -> None:
    def start(name: str) -> Trainer:
        (tmp_path / name).mkdir(exist_ok=True)
        settings = plan(save_every_s=0.0, validate_every_s=0.0, adversarial=0.5)
        return Trainer("cellnet", settings, supplied, tmp_path / name)

    start("whole").run(lambda _: None)

    def interrupt(text: str) -> None:
        if text.startswith("step 4"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        start("halves").run(interrupt)
    found = checkpoints.load(tmp_path / "halves" / "last.pt")
    assert found.step == 3
    rest = start("halves")
    rest.resume(found)
    rest.run(lambda _: None)

    one, two = (checkpoints.load(tmp_path / n / "last.pt") for n in ("whole", "halves"))
    assert one.step == two.step == 6
    assert one.pictures == 24
    assert "real faces" in one.recipe
    for name, value in one.raw.items():
        assert torch.equal(value, two.raw[name]), name
    for name, value in one.weights.items():
        assert torch.equal(value, two.weights[name]), name


def test_a_second_run_begins_with_the_weights_of_the_first(
    supplied: Supply, tmp_path: Path
) -> None:
    Trainer("cellnet", plan(steps=2), supplied, tmp_path).run(lambda _: None)
    first = checkpoints.load(tmp_path / "last.pt")
    second = Trainer("cellnet", plan(), supplied, tmp_path, first)
    for name, value in second._net.state_dict().items():
        assert torch.equal(value, first.weights[name]), name


def test_training_learns_what_easy_blends_look_like(
    faces: list[Face], supplied: Supply, tmp_path: Path
) -> None:
    contract = contract_for("cellnet")
    rng = np.random.default_rng(0)
    drawn = (make_pair(faces[i % 4], contract, rng, 0.0) for i in range(6))
    batch = collate([pair for pair in drawn if pair is not None], contract)
    learner = Trainer("cellnet", plan(steps=1000), supplied, tmp_path)
    losses = [learner._learn(batch, 0.1)[0].item() for _ in range(25)]
    assert losses[-1] < 0.6 * losses[0]


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [trainer.schedule(p) for p in np.linspace(0, 1, 101)]
    assert rates[0] < 0.1
    assert max(rates) == pytest.approx(1.0, abs=0.01)
    assert rates.index(max(rates)) == 2
    assert rates[-1] == pytest.approx(0.01)


def test_the_command_trains_resumes_and_guards_a_run(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["--data", str(data), "--out", str(tmp_path / "run"), "--cache", str(data / "cache")]
    base += ["--pairs", "1", "--workers", "0", "--threads", "1", "--device", "cpu"]
    base += ["--validation-pairs", "3", "--generator-steps", "0"]
    assert train.main([*base, "--steps", "1"]) == 0
    assert train.main([*base, "--steps", "2"]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert train.main([*base, "--steps", "2", "--resume"]) == 0
    assert checkpoints.load(tmp_path / "run" / "last.pt").step == 2
    with (tmp_path / "run" / "log.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["step"] for row in rows] == ["1", "2"]
    assert list((tmp_path / "run" / "board").glob("events*"))
    assert all(0 <= float(row["auc_photo"]) <= 1 for row in rows)


@pytest.mark.parametrize("kind", ["missing", "empty", "no face"])
def test_a_data_folder_that_cannot_be_used_ends_with_usage(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    if kind != "missing":
        data.mkdir()
    if kind == "no face":
        (data / "faces").mkdir()
        cv2.imwrite(str(data / "faces" / "x.png"), np.full((80, 80, 3), 90, np.uint8))
        (data / "faces.csv").write_text("file,source,original\nx.png,studio,x\n")
    arguments = ["--data", str(data), "--out", str(tmp_path / "run"), "--steps", "1"]
    assert train.main([*arguments, "--cache", str(tmp_path / "cache")]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ")
    assert error.endswith(".")


@pytest.mark.parametrize("content", [None, b"", b"rubbish", b"PK\x03\x04 more rubbish"])
def test_a_checkpoint_that_cannot_be_used_ends_with_the_model_code(
    content: bytes | None, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "last.pt").write_bytes(content)
    arguments = ["--data", str(data), "--out", str(tmp_path), "--steps", "1", "--resume"]
    assert train.main(arguments) == 4
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1


def test_nobody_held_out_is_said(data: Path, tmp_path: Path) -> None:
    rows = (data / "faces.csv").read_text().splitlines()
    (tmp_path / "faces").symlink_to(data / "faces")
    kept = [row for row in rows if not row.startswith("held")]
    (tmp_path / "faces.csv").write_text("\n".join(kept) + "\n")
    with pytest.raises(ConfigError, match="held-out person"):
        stock(tmp_path, tmp_path / "cache", contract_for("cellnet"), MAKING, lambda _: None)


def test_forged_clips_that_are_not_there_are_said(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--data", str(data), "--out", str(tmp_path), "--cache", str(data / "cache")]
    arguments += ["--generator-steps", "0", "--forged", "0.5", "--steps", "1"]
    assert train.main(arguments) == 2
    assert "no forged clip" in capsys.readouterr().err


def test_what_is_held_out_is_a_fold_or_a_method(capsys: pytest.CaptureFixture[str]) -> None:
    assert HeldOut.parse("") == HeldOut()
    assert HeldOut.parse("fold:2") == HeldOut(fold=2)
    assert HeldOut.parse("method:FOMM") == HeldOut(method="FOMM")
    for wrong in ("fold:5", "fold:", "method:", "person:1", "x"):
        with pytest.raises(ConfigError, match="nothing to hold out"):
            HeldOut.parse(wrong)


def test_landmarks_are_found_once_and_a_damaged_cache_is_made_anew(
    data: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    chosen = photos(data)[:1]
    first = photo_faces(chosen, tmp_path, said.append)
    again = photo_faces(chosen, tmp_path, said.append)
    assert len(said) == 1
    assert (first[0].landmarks == again[0].landmarks).all()
    for path in tmp_path.glob("*.npy"):
        path.write_bytes(b"damaged")
    mended = photo_faces(chosen, tmp_path, said.append)
    assert len(said) == 2
    assert (first[0].landmarks == mended[0].landmarks).all()
