"""Pairs of every kind: alike but for the forgery, wherever it comes from."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from models import bank, generators
from models.bank import Bank
from models.blending import Blend, redrawn_blend
from models.catalog import clips
from models.contracts import contract_for
from models.dataset import draw_pairs
from models.forgeries import Forged, forged_clips, mix, region_of
from models.generators import DESIGNS, AutoEncoder, redraw
from models.lookalikes import Lookalikes
from models.makers import Draft, Forgeries, Mixture, RealFaces, View
from models.prepare import Face
from tests.conftest import DATA, needs_data


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> list[Face]:
    """The public-domain portrait of scikit-image, three times, each with other colours."""
    from skimage.data import astronaut

    from models.footage import find_portrait
    from realtime.faces import FaceDetector, FaceMesher

    root = tmp_path_factory.mktemp("faces")
    portrait = cv2.cvtColor(astronaut()[:260, 90:350], cv2.COLOR_RGB2BGR)
    with FaceDetector() as detector, FaceMesher() as mesher:
        found = find_portrait(portrait, detector, mesher)
    assert found is not None
    made = []
    for i, light in enumerate((0.7, 0.9, 1.1)):
        picture = np.clip(portrait * light, 0, 255).astype(np.uint8)
        cv2.imwrite(str(root / f"{i}.png"), picture)
        made.append(Face(root / f"{i}.png", "studio", "train", found[:468, :2]))
    return made


@pytest.fixture(scope="module")
def pictures(faces: list[Face], tmp_path_factory: pytest.TempPathFactory) -> Bank:
    return bank.face_bank(faces, tmp_path_factory.mktemp("cache"), lambda _: None)


@pytest.fixture(scope="module")
def reals(faces: list[Face], pictures: Bank, tmp_path_factory: pytest.TempPathFactory) -> RealFaces:
    inverted = [255 - pictures.picture(i) for i in range(len(pictures))]
    drawn = bank.save(tmp_path_factory.mktemp("drawn") / "drawn", inverted)
    return RealFaces(faces, pictures, [drawn], Lookalikes(faces))


def test_a_bank_gives_back_what_was_put_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    put = [rng.integers(0, 255, (h, w, 3)).astype(np.uint8) for h, w in ((3, 5), (8, 2), (1, 1))]
    bank.save(tmp_path / "b", put)
    found = bank.load(tmp_path / "b")
    assert found is not None
    assert len(found) == 3
    for i, picture in enumerate(put):
        assert (found.picture(i) == picture).all()
        assert not found.picture(i).flags.writeable


def test_a_bank_that_is_not_whole_is_none(tmp_path: Path) -> None:
    assert bank.load(tmp_path / "none") is None
    bank.save(tmp_path / "b", [np.zeros((4, 4, 3), np.uint8)])
    (tmp_path / "b.raw").write_bytes(b"short")
    assert bank.load(tmp_path / "b") is None
    bank.save(tmp_path / "b", [np.zeros((4, 4, 3), np.uint8)])
    (tmp_path / "b.npz").write_bytes(b"rubbish")
    assert bank.load(tmp_path / "b") is None


def test_a_bank_is_made_once(faces: list[Face], tmp_path: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        found = bank.face_bank(faces, tmp_path, said.append)
        assert len(found) == 3
    assert len(said) == 1


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: d.upsampling)
def test_a_generator_gives_a_picture_of_the_same_size(design: generators.Design) -> None:
    torch.manual_seed(0)
    net = AutoEncoder(design).eval().requires_grad_(False)
    image = np.random.default_rng(0).integers(0, 255, (50, 33, 3)).astype(np.uint8)
    assert redraw(net, image).shape == image.shape
    assert redraw(net, image[:1, :2]).shape == (1, 2, 3)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda d: d.upsampling)
def test_a_generator_leaves_no_border(design: generators.Design) -> None:
    """An even picture is drawn alike up to its edges, but for what the upsampling repeats."""
    torch.manual_seed(0)
    net = AutoEncoder(design).eval().requires_grad_(False)
    drawn = redraw(net, np.full((96, 128, 3), (40, 120, 200), np.uint8)).astype(float)
    tiles = drawn.reshape(6, 16, 8, 16, 3).swapaxes(1, 2)
    assert np.abs(tiles - tiles[2:4, 3:5].mean((0, 1))).max() < 2  # 3 to 6 at a bare border


def test_a_generator_learns_to_draw(pictures: Bank) -> None:
    torch.set_num_threads(1)
    _, early = generators.train(DESIGNS[2], pictures, 3, "cpu")
    _, late = generators.train(DESIGNS[2], pictures, 60, "cpu")
    assert late < 0.8 * early


def test_faces_are_drawn_anew_once_by_two_generators(
    pictures: Bank, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generators, "DESIGNS", DESIGNS[:2])
    said: list[str] = []
    first = generators.redrawn(pictures, tmp_path, 2, "cpu", said.append)
    before = len(said)
    again = generators.redrawn(pictures, tmp_path, 2, "cpu", said.append)
    assert len(said) == before
    assert len(first) == len(again) == 2
    for one, two in zip(first, again, strict=True):
        assert (one.sizes == pictures.sizes).all()
        assert (one.picture(2) == two.picture(2)).all()
    assert (first[0].picture(0) != first[1].picture(0)).any()


def test_a_view_shows_landmarks_where_the_face_is(faces: list[Face], pictures: Bank) -> None:
    for seed in range(6):
        rng = np.random.default_rng(seed)
        landmarks = faces[0].landmarks.astype(np.float64)
        mark = np.zeros_like(pictures.picture(0))
        x, y = landmarks[1].astype(int)
        mark[y - 3 : y + 4, x - 3 : x + 4] = 255
        view = View.draw(rng, mark, landmarks)
        shown = view.show(mark)[..., 0].astype(float)
        rows, columns = np.indices(shown.shape)
        centre = (
            (shown * (columns + 0.5)).sum() / shown.sum(),
            (shown * (rows + 0.5)).sum() / shown.sum(),
        )
        assert view.place(landmarks)[1] == pytest.approx(centre, abs=1.0)


def test_pseudo_fakes_of_every_kind_have_their_own_real_beside_them(reals: RealFaces) -> None:
    kinds = set()
    for seed in range(24):
        draft = reals.draft(np.random.default_rng(seed), 0.0)
        assert draft is not None
        assert draft.real.shape == draft.fake.shape
        assert draft.weight.shape == draft.real.shape[:2]
        assert draft.weight.min() >= 0
        assert draft.weight.max() <= 1.001
        assert draft.weight.max() > 0.4
        kinds.add("swap" if draft.how is None else draft.weight.min() > 0.99)
    assert kinds == {"swap", True, False}  # True: the whole picture was drawn anew


def test_a_drawn_face_is_put_into_the_real_picture(faces: list[Face], pictures: Bank) -> None:
    image = pictures.picture(0)
    for seed in range(20):
        how = Blend.draw(np.random.default_rng(seed), 0.0)
        real, fake, weight = redrawn_blend(image, 255 - image, faces[0].landmarks, how)
        assert (real == image).all()
        if how.real_is_upper:
            assert (weight == 1).all()
        else:
            assert (fake[weight == 0] == image[weight == 0]).all()
            assert weight.max() > 0.4


def test_a_drawn_face_gets_the_detail_of_the_picture(faces: list[Face], pictures: Bank) -> None:
    image = pictures.picture(0)
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    seeds = (Blend.draw(np.random.default_rng(s), 0.0) for s in range(50))
    how = next(h for h in seeds if h.on_upper and h.real_is_upper)
    _, fake, _ = redrawn_blend(image, soft, faces[0].landmarks, how)

    def detail(picture: np.ndarray) -> float:
        return float((picture - cv2.GaussianBlur(picture, (0, 0), 1.5).astype(float)).std())

    assert detail(soft) < 0.7 * detail(image)
    assert 1.4 * detail(soft) < detail(fake) < 1.05 * detail(image)


def test_a_mixture_is_forged_in_part_and_says_where() -> None:
    original, forged = np.zeros((60, 60, 3), np.uint8), np.full((60, 60, 3), 200, np.uint8)
    weight = np.zeros((60, 60), np.float32)
    weight[10:50, 10:50] = 1
    shares = []
    for seed in range(10):
        mixed, left = mix(original, forged, weight, np.random.default_rng(seed))
        assert (left <= weight).all()
        assert np.abs(mixed[..., 0] / 200 - left)[weight == 1].max() < 0.01
        shares.append(float(left.sum() / weight.sum()))
    assert 0.2 < np.mean(shares) < 0.9
    assert weight.max() == 1  # untouched


def forged(tmp_path: Path, pictures: Bank, faces: list[Face], *, paired: bool) -> Forged:
    image = pictures.picture(0)
    both = [255 - image, image] if paired else [255 - image]
    clip = clip_stub()
    landmarks = faces[0].landmarks[None]
    return Forged(clip, bank.save(tmp_path / f"f{paired}", both), landmarks, paired)


def clip_stub():  # type: ignore[no-untyped-def]
    from models.catalog import Clip

    return Clip(Path("a.mp4"), "DeepFaceLive", True, "p", "validation")


@pytest.mark.parametrize("paired", [True, False])
def test_a_forgery_lies_beside_its_input_or_another_face(
    paired: bool, tmp_path: Path, faces: list[Face], pictures: Bank, reals: RealFaces
) -> None:
    maker = Forgeries([forged(tmp_path, pictures, faces, paired=paired)], reals, [1, 2])
    for seed in range(8):
        draft = maker.draft(np.random.default_rng(seed), 0.0)
        assert draft is not None
        assert draft.real.shape == draft.fake.shape
        assert (draft.real_landmarks is None) == paired
        assert draft.crop(contract_for("cellnet")) is not None


def test_batches_of_a_mixture_are_full_and_depend_on_the_generator_alone(
    tmp_path: Path, faces: list[Face], pictures: Bank, reals: RealFaces
) -> None:
    one = Forgeries([forged(tmp_path, pictures, faces, paired=False)], reals, [0])
    maker = Mixture((reals, one), (0.5, 0.5))
    contract = contract_for("cellnet")
    for seed in range(4):
        first, second = (
            draw_pairs(maker, contract, np.random.default_rng(seed), 4, 1.0) for _ in range(2)
        )
        assert len(first) == 4
        for a, b in zip(first, second, strict=True):
            assert (a.real == b.real).all()
            assert (a.fake == b.fake).all()


def test_a_face_outside_its_picture_gives_no_pair(faces: list[Face], pictures: Bank) -> None:
    image = pictures.picture(0)
    away = faces[0].landmarks + 5000.0
    draft = Draft(image, image, np.zeros(image.shape[:2], np.float32), away)
    assert draft.crop(contract_for("cellnet")) is None


def test_what_a_method_forges() -> None:
    assert region_of("DeepFaceLive") == "face"
    assert region_of("Wav2Lip") == "lower"
    assert region_of("VASA1") == ""


@needs_data
def test_a_real_forgery_differs_from_its_input_in_the_face(tmp_path: Path) -> None:
    known = clips(DATA)
    fake = [c for c in known if c.path.name == "DeepFaceLive__Dean_Wiesel_0.mp4"]
    said: list[str] = []
    (found,) = forged_clips(fake, [c for c in known if not c.fake], tmp_path, said.append)
    assert found.paired
    assert found.count > 10
    for i in range(0, found.count, 5):
        change = np.abs(found.forged(i).astype(float) - found.original(i)).mean(2)
        weight = found.weight(i)
        assert change[weight > 0.9].mean() > 2 * change[weight < 0.01].mean()
    (again,) = forged_clips(fake, [c for c in known if not c.fake], tmp_path, said.append)
    assert len(said) == 1
    assert (again.landmarks == found.landmarks).all()
