"""Groups by age and by the colour of skin, on pictures whose colour is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.groups import AGES, TONES, age_groups, by_group, group_of, typology_angle
from realtime.contract import Calibration, Thresholds
from realtime.errors import ConfigError

LANDMARKS = np.random.default_rng(0).uniform(30, 90, (468, 2))


@pytest.mark.parametrize(
    ("lab", "angle", "group"),
    [
        ((75.0, 10.0, 14.0), 60.8, "very light"),
        ((65.0, 12.0, 15.0), 45.0, "light"),
        ((60.0, 14.0, 16.0), 32.0, "intermediate"),
        ((55.0, 14.0, 17.0), 16.4, "tan"),
        ((45.0, 14.0, 18.0), -15.5, "brown"),
        ((35.0, 12.0, 15.0), -45.0, "dark"),
    ],
)
def test_the_angle_of_a_plain_colour(
    lab: tuple[float, float, float], angle: float, group: str
) -> None:
    from skimage.color import lab2rgb  # another implementation than the one that is tested

    rgb = np.clip(np.rint(lab2rgb(np.full((1, 1, 3), lab)) * 255), 0, 255).astype(np.uint8)
    image = np.broadcast_to(rgb[..., ::-1], (120, 120, 3)).copy()
    found = typology_angle(image, LANDMARKS)
    assert found == pytest.approx(angle, abs=2.5)
    assert group_of(found, TONES) == group


def test_cheeks_outside_the_picture_give_no_group() -> None:
    image = np.zeros((20, 20, 3), np.uint8)
    found = typology_angle(image, LANDMARKS + 500)
    assert np.isnan(found)
    assert group_of(found, TONES) == ""


def test_only_pixels_of_the_cheeks_count() -> None:
    image = np.full((120, 120, 3), (90, 130, 190), np.uint8)
    plain = typology_angle(image, LANDMARKS)
    painted = np.zeros_like(image)
    for i in (50, 280, 205, 425, 187, 411):
        x, y = LANDMARKS[i].round().astype(int)
        painted[y - 3 : y + 4, x - 3 : x + 4] = (90, 130, 190)
    assert typology_angle(painted, LANDMARKS) == pytest.approx(plain)


def test_ages_come_from_the_list_where_it_knows_them(tmp_path: Path) -> None:
    (tmp_path / "faces.csv").write_text(
        "file,source,age\na.jpg,x,17\nb.jpg,x,\nc.jpg,x,60\nd.jpg,x,?\n"
    )
    assert age_groups(tmp_path) == {"a.jpg": "under 18", "c.jpg": "60 up"}
    assert group_of(44, AGES) == "30 to 44"
    assert age_groups(tmp_path / "none") == {}
    (tmp_path / "faces.csv").write_bytes(b"file,age\n\xff,3\n")
    with pytest.raises(ConfigError, match=r"faces\.csv"):
        age_groups(tmp_path)


def test_each_group_is_measured_on_its_own() -> None:
    groups = ["under 18", "60 up", "", "60 up"]
    owners = np.array([0, 0, 1, 1, 2, 3])
    real = np.array([0.0, 1.0, 2.0, 3.0, 9.0, 0.0])
    fake = np.array([2.0, 3.0, 0.0, 1.0, -9.0, 5.0])
    made = (Calibration(2.0, -0.5), Thresholds(0.5, 0.8, 0.95))
    found = by_group(groups, real, fake, owners, made)
    assert list(found) == ["under 18", "60 up"]
    assert found["under 18"]["auc"]["value"] == 1.0
    assert found["under 18"]["auc"]["interval_95"] is None  # one photo has no spread
    assert found["60 up"]["photos"] == 2
    # Reals 2, 3, 0 against fakes 0, 1, 5: wins 0.5 + 1 + 3 of nine.
    assert found["60 up"]["auc"]["value"] == pytest.approx(4.5 / 9)
    # Log-odds of 0.8 are 1.386; a logit must exceed (1.386 + 0.5) * 2 = 3.77.
    assert found["60 up"]["real_crops_above_strong"]["count"] == 0
    assert found["60 up"]["mean_real_logit"] == pytest.approx(5 / 3, abs=1e-3)
