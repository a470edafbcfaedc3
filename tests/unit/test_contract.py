"""The model contract: what goes in comes out, and what is wrong is named."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from realtime.contract import METADATA_KEY, ModelContract
from realtime.errors import ExitCode, ModelError
from tests.contract.onnx_models import contract

SHA = "0123456789abcdef" * 4


def table() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(contract().to_metadata()[METADATA_KEY])
    return parsed


def read(content: Any) -> ModelContract:
    return ModelContract.from_metadata({METADATA_KEY: json.dumps(content)})


def change(content: dict[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    content = copy.deepcopy(content)
    inner = content
    *heads, last = dotted.split(".")
    for head in heads:
        inner = inner[head]
    inner[last] = value
    return content


def leaves(content: dict[str, Any], prefix: str = "") -> list[str]:
    names = []
    for name, value in content.items():
        names.append(f"{prefix}{name}")
        if isinstance(value, dict):
            names += leaves(value, f"{prefix}{name}.")
    return names


def test_metadata_and_sidecar_give_back_the_same_contract() -> None:
    about = contract(
        notes="line one\nline two: Gesichtsprüfung, 顔",
        output__cam="cam",
        input__size=(160, 160),
        calibration__temperature=1.7,
        calibration__bias=-0.3,
    )
    assert ModelContract.from_metadata(about.to_metadata()) == about
    assert ModelContract.from_json(about.to_json(SHA.upper())) == (about, SHA)


def test_whole_numbers_count_as_numbers_and_extra_metadata_is_ignored() -> None:
    content = change(change(table(), "input.scale", 1), "input.mean", [0, 0, 0])
    metadata = {METADATA_KEY: json.dumps(content), "author": "someone"}
    assert ModelContract.from_metadata(metadata).input.scale == 1.0


@pytest.mark.parametrize("name", leaves(table()))
def test_every_field_but_the_notes_is_required(name: str) -> None:
    content = table()
    inner = content
    *heads, last = name.split(".")
    for head in heads:
        inner = inner[head]
    del inner[last]
    if name == "notes":
        assert read(content).notes == ""
        return
    with pytest.raises(ModelError, match="missing") as caught:
        read(content)
    assert repr(name) in str(caught.value)
    assert caught.value.exit_code == ExitCode.MODEL


@pytest.mark.parametrize("name", leaves(table()))
@pytest.mark.parametrize("value", [None, [], {}, [1], "?", -1.5, True])
def test_a_value_of_the_wrong_type_is_named(name: str, value: Any) -> None:
    texts = {"name", "arch", "trained_on", "licence", "notes", "output.cam"}
    flags = {"crop.square", "output.invert"}
    fits = (value == "?" and name in texts) or (value is True and name in flags)
    fits = fits or (value == -1.5 and name == "calibration.bias")
    if fits:
        read(change(table(), name, value))
        return
    with pytest.raises(ModelError) as caught:
        read(change(table(), name, value))
    said = str(caught.value)
    assert f"'{name}" in said or f"'{name.split('.', maxsplit=1)[0]}'" in said or "missing" in said


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("version", 2),
        ("name", " "),
        ("name", "two\nlines"),
        ("arch", "a" * 101),
        ("notes", "n" * 4001),
        ("notes", "\ud800"),
        ("licence", ""),
        ("trained_on", ""),
        ("input.size", [15, 15]),
        ("input.size", [1025, 1025]),
        ("input.size", [32]),
        ("input.size", [32.0, 32.0]),
        ("input.layout", "chwn"),
        ("input.colour", "RGB"),
        ("input.scale", 0),
        ("input.scale", -1),
        ("input.mean", [0.5]),
        ("input.std", [1, 1]),
        ("input.std", [1, 0, 1]),
        ("crop.kind", "face"),
        ("crop.margin", -0.1),
        ("crop.margin", 2.5),
        ("crop.align", "roll"),
        ("crop.align", "arcface"),
        ("crop.interpolation", "nearest"),
        ("crop.padding", "white"),
        ("output.kind", "probability"),
        ("output.fake_index", -1),
        ("output.fake_index", 1.0),
        ("calibration.temperature", 0),
        ("calibration.temperature", -1),
        ("calibration.bias", 1e9),
        ("thresholds", {"uncertain": 0.5, "strong": 0.5, "very_strong": 0.9}),
        ("thresholds", {"uncertain": 0.0, "strong": 0.5, "very_strong": 0.9}),
        ("thresholds", {"uncertain": 0.1, "strong": 0.5, "very_strong": 1.0}),
        ("input.gamma", 2.2),
        ("extra", 1),
    ],
)
def test_a_value_out_of_range_is_named(name: str, value: Any) -> None:
    with pytest.raises(ModelError) as caught:
        read(change(table(), name, value))
    assert f"'{name}" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"input__size": (32, 64)}, "crop.square"),
        ({"input__colour": "gray"}, "input.mean"),
        ({"output__kind": "sigmoid", "output__fake_index": 1}, "output.fake_index"),
        ({"crop__kind": "align5"}, "crop.align"),
        ({"crop__align": "caddm"}, "crop.align"),
        (
            {"crop__kind": "landmark_box", "crop__align": "roll", "crop__padding": "inside"},
            "crop.padding",
        ),
        (
            {"crop__kind": "align5", "crop__align": "arcface", "crop__square": False},
            "crop.square",
        ),
        ({"calibration__temperature": float("nan")}, "calibration.temperature"),
        ({"calibration__bias": float("nan")}, "calibration.bias"),
        ({"input__std": (1.0, float("nan"), 1.0)}, "input.std"),
    ],
)
def test_fields_that_contradict_each_other_are_named(changes: dict[str, Any], name: str) -> None:
    with pytest.raises(ModelError) as caught:
        contract(**changes)
    assert repr(name) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        '"text"',
        "null",
        "[" * 60_000,
        '{"version": NaN}',
        "\ud800",
        "{}" * 40_000,
    ],
)
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(ModelError):
        ModelContract.from_metadata({METADATA_KEY: text})


@pytest.mark.parametrize("name", ["input.scale", "input.std", "calibration.temperature"])
def test_numbers_that_overflow_are_refused(name: str) -> None:
    value = ["OVER", 1, 1] if name == "input.std" else "OVER"
    text = json.dumps(change(table(), name, value)).replace('"OVER"', "1e999")
    with pytest.raises(ModelError, match=name):
        ModelContract.from_metadata({METADATA_KEY: text})


def test_a_key_given_twice_is_refused() -> None:
    text = json.dumps(table())[:-1] + ', "name": "other"}'
    with pytest.raises(ModelError, match="'name' is given twice"):
        ModelContract.from_metadata({METADATA_KEY: text})


def test_metadata_without_a_contract_says_so() -> None:
    with pytest.raises(ModelError, match="no contract"):
        ModelContract.from_metadata({"name": "resnet"})


@pytest.mark.parametrize("value", ["", "ab", "g" * 64, SHA + "0", 5, None])
def test_the_hash_in_the_sidecar_must_be_one(value: Any) -> None:
    content = {**table(), "sha256": value}
    with pytest.raises(ModelError, match="sha256"):
        ModelContract.from_json(json.dumps(content))


def test_a_sidecar_needs_a_hash_and_metadata_must_not_have_one() -> None:
    with pytest.raises(ModelError, match="'sha256' is missing"):
        ModelContract.from_json(json.dumps(table()))
    with pytest.raises(ModelError, match="'sha256' is no field"):
        read({**table(), "sha256": SHA})


def test_differences_are_named() -> None:
    one = contract()
    other = contract(input__scale=1.0, crop__margin=0.1, licence="MIT")
    assert one.differences(one) == ()
    assert one.differences(other) == ("input.scale", "crop.margin", "licence")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(deadline=None, max_examples=300)
@given(name=st.sampled_from(leaves(table())), value=JSON)
def test_anything_is_either_a_contract_or_one_sentence(name: str, value: Any) -> None:
    content = change(table(), name, value)
    try:
        about = read(content)
    except ModelError as exc:
        said = str(exc)
    else:
        assert ModelContract.from_metadata(about.to_metadata()) == about
        said = "accepted"
    assert said.isprintable()
