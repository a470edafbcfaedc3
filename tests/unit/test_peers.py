"""Published networks: the same answers as their own code, and only their own checkpoints."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch
from torch import Tensor

from models.peers.base import Peer
from models.peers.classifiers import classifier
from models.peers.files import read_keras, read_torch
from models.peers.registry import PEERS, find
from realtime.errors import ConfigError, ExitCode, ModelError
from tests.conftest import DATA, needs_data
from tests.unit.peer_files import filled, pictures, save_keras

WEIGHTS = DATA / "weights"
REAL = [
    ("meso4", "Meso4_DF.h5"),
    ("meso4", "Meso4_F2F.h5"),
    ("mesoinception4", "MesoInception_DF.h5"),
    ("mesoinception4", "MesoInception_F2F.h5"),
    ("minifasnet-v2", "2.7_80x80_MiniFASNetV2.pth"),
    ("minifasnet-v1se", "4_0_0_80x80_MiniFASNetV1SE.pth"),
]
ENTRIES = {
    "inception-resnet-v1": "model_state_dict",
    "sbi-efficientnet-b4": "model",
    "caddm-resnet34": "network",
}


def save(peer: Peer, weights: dict[str, Tensor], path: Path) -> Path:
    if peer.read is read_keras:
        return save_keras(weights, path)
    entry = ENTRIES.get(peer.name)
    torch.save({entry: weights, "epoch": 3} if entry else weights, path)
    return path


def refused(act: Callable[[], object]) -> str:
    """Demand one sentence, and give it."""
    with pytest.raises((ModelError, ConfigError)) as caught:
        act()
    said = str(caught.value)
    assert said.isprintable()
    assert said.endswith(".")
    return said


@pytest.mark.parametrize(
    ("name", "spread", "size", "want"),
    [
        # facenet-pytorch 2.6.0, efficientnet_pytorch 0.7.1 (the second with DeepfakeBench's stem
        # and last layer) and pretrainedmodels 0.7.4 gave these for the same weights and pictures.
        ("inception-resnet-v1", 0.4, 256, [[7.21379], [7.76376]]),
        ("sbi-efficientnet-b4", 0.5, 380, [[0.09038, 0.68301], [0.09654, 0.70243]]),
        ("deepfakebench-efficientnet-b4", 0.5, 256, [[7.03652, 8.60018], [9.22716, 11.25773]]),
        ("deepfakebench-xception", 0.7, 256, [[19.93703, 7.54107], [19.61968, 6.85555]]),
    ],
)
def test_the_answers_are_those_of_the_published_code(
    name: str, spread: float, size: int, want: list[list[float]], tmp_path: Path
) -> None:
    peer = find(name)
    assert peer.contract.input.size == (size, size)
    net = peer.load(save(peer, filled(peer, spread), tmp_path / "c.pth"))
    with torch.inference_mode():
        assert net(pictures(size)).numpy() == pytest.approx(np.array(want), rel=1e-4, abs=1e-4)


def test_the_stem_of_the_benchmark_is_not_padded_and_that_of_sbi_is_at_the_far_end() -> None:
    sbi, bench = find("sbi-efficientnet-b4").build(), find("deepfakebench-efficientnet-b4").build()
    picture = pictures(32)
    stem = sbi.net.features[0][0]
    padded = torch.nn.functional.pad(picture, (0, 1, 0, 1))
    want = torch.nn.functional.conv2d(padded, stem.weight, stride=2)
    assert torch.equal(stem(picture), want)
    assert bench.net.features[0][0](picture).shape[-2:] == (15, 15)


def test_names_in_the_checkpoints_are_those_that_are_published() -> None:
    names = {
        "inception-resnet-v1": ("conv2d_1a.conv.weight", "repeat_2.9.branch1.2.bn.running_var"),
        "sbi-efficientnet-b4": ("net._blocks.0._depthwise_conv.weight", "net._fc.bias"),
        "deepfakebench-efficientnet-b4": (
            "backbone.efficientnet._blocks.31._se_expand.bias",
            "backbone.last_layer.weight",
        ),
        "deepfakebench-xception": (
            "backbone.block1.rep.0.pointwise.weight",
            "backbone.block12.skipbn.bias",
            "backbone.adjust_channel.0.bias",
        ),
        "caddm-resnet34": (
            "base_model.layer3.5.bn2.weight",
            "base_model.fc.weight",
            "adm.adm_extra_layers.1.0.downsample.1.running_mean",
            "adm.adm_extra_layers.3.downsample.bias",
            "adm.multi_scale_detection_module.ms_cls.3.weight",
            "fc.weight",
        ),
        "minifasnet-v1se": ("conv_4.model.5.se_module.fc1.weight", "prob.weight"),
    }
    for arch, wanted in names.items():
        peer = find(arch)
        with torch.device("meta"):
            own = peer.build().state_dict()
        assert set(wanted) <= {peer.published(name) for name in own}


def test_caddm_adds_the_pooled_trunk_to_the_last_step_of_its_module() -> None:
    """Worked out by hand: with a silent module the classes see the pooled trunk alone."""
    peer = find("caddm-resnet34")
    weights = filled(peer)
    for part in ("conv1", "conv2", "downsample"):
        for tensor in ("weight", "bias"):
            weights[f"adm.adm_extra_layers.3.{part}.{tensor}"].zero_()
    net = peer.build().eval()
    net.load_state_dict(weights, strict=False)
    net.base_model.fc = torch.nn.Identity()
    with torch.inference_mode():
        pooled = net.base_model(pictures(224))
        assert torch.allclose(net(pictures(224)), net.fc(pooled), rtol=1e-4, atol=1e-4)
        net.adm.adm_extra_layers[3].downsample.bias.fill_(1.5)
        assert torch.allclose(net(pictures(224)), net.fc(pooled + 1.5), rtol=1e-4, atol=1e-4)


@needs_data
@pytest.mark.parametrize(("arch", "file"), REAL)
def test_the_published_files_load_whole(arch: str, file: str) -> None:
    peer = find(arch)
    net = peer.load(WEIGHTS / file)
    size = peer.contract.input.size[0]
    with torch.inference_mode():
        answers = net(torch.rand(2, 3, size, size))
    assert answers.shape == (2, 1 if "meso" in arch else 3)
    assert answers.isfinite().all()
    others = {"meso4": "mesoinception4", "minifasnet-v2": "minifasnet-v1se"}
    other = find({**others, **{two: one for one, two in others.items()}}[arch])
    said = refused(lambda: other.load(WEIGHTS / file))
    assert other.name in said


@pytest.mark.parametrize("arch", ["meso4", "mesoinception4"])
def test_keras_layers_are_counted_from_wherever_they_start(arch: str, tmp_path: Path) -> None:
    peer = find(arch)
    weights = filled(peer)
    read = read_keras(save_keras(weights, tmp_path / "a.h5", first=1))
    assert read.keys() == weights.keys()
    for name, value in read_keras(save_keras(weights, tmp_path / "b.h5", first=8)).items():
        assert torch.equal(value, weights[name])
        assert torch.equal(value, read[name])
    net = peer.load(tmp_path / "b.h5")
    assert torch.equal(net.conv2d[1].weight, weights["conv2d.1.weight"])


def test_mesonet_flattens_with_the_channels_last() -> None:
    """The first layer after pooling sees position by position, each with all its channels."""
    net = find("meso4").build().eval()
    with torch.no_grad():
        net.dense[0].weight.zero_()
        net.dense[0].bias.zero_()
        net.dense[0].weight[0, 16 * 9 + 5] = 1.0  # channel 5 of row 1, column 1
        net.dense[1].weight.fill_(1.0)
        net.dense[1].bias.zero_()
        seen: list[Tensor] = []
        net.batch_normalization[3].register_forward_hook(lambda *hooked: seen.append(hooked[2]))
        answer = net(pictures(256))
        pooled = torch.nn.functional.max_pool2d(seen[0], 4)
        want = torch.nn.functional.leaky_relu(pooled[:, 5, 1, 1], 0.1)
    assert torch.allclose(answer[:, 0], want)


def test_any_classifier_of_torchvision_and_nothing_else(tmp_path: Path) -> None:
    peer = find("torchvision:shufflenet_v2_x0_5", classes=3)
    assert peer.contract.output.fake_index == 2
    weights = {f"module.{name}": value for name, value in peer.build().net.state_dict().items()}
    torch.save({"state_dict": weights}, tmp_path / "c.pth")
    net = peer.load(tmp_path / "c.pth")
    assert net(pictures(64)).shape == (2, 3)
    assert "fc.weight" in refused(lambda: classifier(peer.name, 2).load(tmp_path / "c.pth"))
    for name in ("torchvision:", "torchvision:nothing", "torchvision:fcn_resnet50", "meso5", ""):
        with pytest.raises(ConfigError) as caught:
            find(name)
        assert caught.value.exit_code == ExitCode.USAGE
    with pytest.raises(ConfigError, match="classes"):
        find("torchvision:resnet18", classes=0)


@pytest.mark.parametrize("change", ["missing", "extra", "shape"])
def test_weights_that_do_not_fit_are_named(change: str, tmp_path: Path) -> None:
    peer = find("minifasnet-v2")
    weights = filled(peer)
    name = "conv_3.model.2.project.conv.weight"
    if change == "missing":
        del weights[name]
    elif change == "extra":
        weights["conv_9.weight"] = torch.zeros(3)
        name = "conv_9.weight"
    else:
        weights[name] = torch.zeros(64, 14, 1, 1)
    torch.save(weights, tmp_path / "c.pth")
    said = refused(lambda: peer.load(tmp_path / "c.pth"))
    assert repr(name) in said
    assert "minifasnet-v2" in said


def test_a_checkpoint_whose_weights_lie_elsewhere_is_of_another_project(tmp_path: Path) -> None:
    peer = find("inception-resnet-v1")
    torch.save({"state_dict": filled(find("meso4"))}, tmp_path / "c.pth")
    assert "'model_state_dict'" in refused(lambda: peer.load(tmp_path / "c.pth"))
    torch.save([torch.zeros(2)], tmp_path / "c.pth")
    refused(lambda: peer.load(tmp_path / "c.pth"))
    torch.save({"model_state_dict": {"a": "text"}}, tmp_path / "c.pth")
    refused(lambda: peer.load(tmp_path / "c.pth"))


class _Trap:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, (str(self.path),)


def test_code_in_a_checkpoint_never_runs(tmp_path: Path) -> None:
    trap = tmp_path / "sprung"
    torch.save({"model": {"w": _Trap(trap)}}, tmp_path / "new.pth")
    torch.save({"w": _Trap(trap)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    (tmp_path / "bare.pth").write_bytes(pickle.dumps(_Trap(trap)))
    for name in ("new", "old", "bare"):
        path = tmp_path / f"{name}.pth"
        assert "more than weights" in refused(lambda path=path: read_torch(path))
    assert not trap.exists()


@pytest.mark.parametrize("suffix", [".pth", ".h5"])
@pytest.mark.parametrize("kind", ["missing", "directory", "empty", "rubbish", "cut"])
def test_a_damaged_file_is_one_sentence(kind: str, suffix: str, tmp_path: Path) -> None:
    peer = find("meso4" if suffix == ".h5" else "minifasnet-v2")
    whole = save(peer, filled(peer), tmp_path / f"whole{suffix}")
    bad = tmp_path / f"bad{suffix}"
    if kind == "directory":
        bad.mkdir()
    elif kind == "cut":
        bad.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    elif kind != "missing":
        bad.write_bytes(b"" if kind == "empty" else b"\x80\x02rubbish" * 99)
    assert str(bad) in refused(lambda: peer.load(bad))


def test_hdf5_opens_no_other_file_and_takes_nothing_odd(tmp_path: Path) -> None:
    weights = filled(find("meso4"))
    linked = save_keras(weights, tmp_path / "linked.h5")
    save_keras(weights, tmp_path / "target.h5")
    with h5py.File(linked, "a") as file:
        del file["dense_6"]
        file["dense_6"] = h5py.ExternalLink(str(tmp_path / "target.h5"), "/dense_6")
    assert "dense.1" in refused(lambda: find("meso4").load(linked))
    raw = tmp_path / "raw.bin"
    raw.write_bytes(bytes(4))
    odd = save_keras({}, tmp_path / "odd.h5")
    with h5py.File(odd, "a") as file:
        file.create_dataset("dense_1/dense_1/bias:0", (1,), "f4", external=[(str(raw), 0, 4)])
    assert "no plain array" in refused(lambda: read_keras(odd))
    texts = save_keras({}, tmp_path / "texts.h5")
    with h5py.File(texts, "a") as file:
        file["dense_1/dense_1/bias:0"] = "text"
    assert "no plain array" in refused(lambda: read_keras(texts))
    other = save_keras({"lstm.0.weight": torch.zeros(2)}, tmp_path / "other.h5")
    assert "not understood" in refused(lambda: read_keras(other))
    assert "no weights" in refused(lambda: read_keras(save_keras({}, tmp_path / "none.h5")))


@pytest.mark.parametrize("name", list(PEERS))
def test_every_contract_says_who_made_it_and_that_nobody_calibrated_it(name: str) -> None:
    about = PEERS[name].contract
    assert about.arch == name
    assert "Not calibrated" in about.notes
    assert about.output.kind == "logit"
    assert about.output.invert == ("real" in about.notes or "live" in about.notes)
