"""Turn a checkpoint into an ONNX file that carries its contract, and prove that both agree.

    python tools/export_onnx.py --checkpoint runs/first/best.pt --output detector.onnx
    python tools/export_onnx.py --arch meso4 --checkpoint Meso4_DF.h5 --output meso4.onnx
    python tools/export_onnx.py --arch torchvision:resnet18 --checkpoint mine.pth \\
        --set input.size='[256,256]' --set crop.margin=0.2 --output mine.onnx
    python tools/export_onnx.py --arch onnx --checkpoint ready.onnx --contract its-contract.json \\
        --output with-contract.onnx

Without --arch the checkpoint is one of models.train. docs/peers.md lists the others. With --data
the crops compared are of real recordings, and known fakes must not rank below known reals.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import onnx
from torch import nn

from models import checkpoints
from models.calibrate import CalibrationFile, read_calibration
from models.catalog import photos
from models.checkpoints import Checkpoint
from models.console import exit_code, say
from models.contracts import DEFAULT_THRESHOLDS, UNCALIBRATED, changed, contract_for
from models.networks import ARCHITECTURES
from models.peers import polarity, registry
from models.peers.classifiers import PREFIX
from models.peers.convert import (
    CHECKED,
    Agreement,
    IncomparableError,
    Reference,
    ask_graph,
    ask_torch,
    compare,
    export,
    install,
    random_crops,
    read_ready,
    write,
)
from models.peers.polarity import KnownClip, Polarity, Verdict
from models.prepare import photo_faces, read_picture
from realtime.contract import MAX_BYTES, VERSION, ModelContract
from realtime.crops import crop_face
from realtime.errors import ConfigError, ModelError
from realtime.faces.tracks import box_of
from realtime.scorer import OnnxScorer
from realtime.types import Crop

TOLERANCE: Final = 1e-4
"""Greatest difference allowed in log-odds and maps up to one; beyond, it grows with them."""
READY: Final = "onnx"
_SLOW: Final = 2
"""So many crops go through ONNX's reference implementation, which takes its time."""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """What is to be written: a network, or a graph that is ready, and its contract."""

    source: nn.Module | onnx.ModelProto
    contract: ModelContract
    reals_below_zero: bool = False
    published: ModelContract | None = None

    def departures(self) -> str:
        """Where what was set is not what is published of this checkpoint; empty if nowhere."""
        apart = self.published.differences(self.contract) if self.published else ()
        named = [name for name in apart if name.split(".")[0] in ("input", "crop", "output")]
        return ", ".join(named)

    def reference(self) -> Reference:
        if isinstance(self.source, nn.Module):
            return ask_torch(self.source, self.contract)
        return ask_graph(self.source, self.contract)

    def write(self, output: Path) -> str:
        if isinstance(self.source, nn.Module):
            return export(self.source, self.contract, output)
        return write(self.source, self.contract, output)


def real_crops(data: Path, cache: Path, contract: ModelContract) -> list[Crop]:
    """Crops of photos of real faces, cut as at run time."""
    chosen = [photo for photo in photos(data) if photo.split != "train"][:CHECKED]
    crops = []
    for face in photo_faces(chosen, cache, say):
        image = read_picture(face.path)
        if image is None:
            continue
        crop = crop_face(image, box_of(face.landmarks), face.landmarks, contract)
        if crop is not None:
            crops.append(crop)
    return crops


def describe(state: Checkpoint) -> str:
    """What the weights were trained on, in a sentence."""
    return f"{state.recipe}; {state.pictures} pictures in all, seed {state.seed}"


def contract_of(state: Checkpoint, fitted: CalibrationFile | None) -> ModelContract:
    """The contract with the calibration that was fitted to this very checkpoint.

    Raises:
        ModelError: if the calibration belongs to other weights.
    """
    if fitted is None:
        return contract_for(
            state.arch, UNCALIBRATED, DEFAULT_THRESHOLDS, describe(state), "Not calibrated."
        )
    if fitted.weights != checkpoints.fingerprint(state):
        raise ModelError("The calibration was fitted to other weights; run models.calibrate again.")
    return contract_for(
        state.arch, fitted.calibration, fitted.thresholds, describe(state), fitted.notes
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    options = _parse(arguments)
    return exit_code(lambda: _export(options))


def _export(options: argparse.Namespace) -> None:
    output: Path = options.output
    if output.suffix != ".onnx":
        raise ConfigError(f"The output {output} must end in .onnx.")
    if not output.parent.is_dir():
        raise ConfigError(f"There is no folder {output.parent} to write {output.name} into.")
    if output.resolve() == options.checkpoint.resolve():
        raise ConfigError("The output must be another file than the checkpoint.")
    job = _job(options)
    known: list[KnownClip] = []
    if options.data:
        known = polarity.known_clips(options.data, job.contract, options.clips)
    with tempfile.TemporaryDirectory() as folder:  # what is at the output stays until it is proven
        made = Path(folder) / "made.onnx"
        digest = job.write(made)
        agreed = _agreement(job, made, known, options)
        found = _polarity(job, made, known)
        install(made, output)
    print(f"{output}: {output.stat().st_size} bytes, sha256 {digest}")
    print(agreed)
    print(f"{found.describe()}." if found else "polarity not checked: no --data with clips.")
    if job.departures():
        print(f"the contract departs from the published one in {job.departures()}.")


def _job(options: argparse.Namespace) -> _Job:
    settings = _settings(options.set)
    given = _read_contract(options.contract) if options.contract else None
    arch: str | None = options.arch
    if arch == READY:
        if given is None and not settings:
            raise ConfigError("A ready ONNX file needs its contract: give --contract or --set.")
        contract = changed(given or _ready_base(options.checkpoint), settings)
        return _Job(read_ready(options.checkpoint), contract)
    if arch is None or arch in ARCHITECTURES:
        return _own(options, given, settings)
    if options.calibration:
        raise ConfigError("A calibration file is for networks trained here; use --set instead.")
    peer = registry.find(arch, options.classes)
    contract = changed(given or peer.contract.as_dict(), settings)
    stated = None if arch.startswith(PREFIX) else peer.contract
    return _Job(peer.load(options.checkpoint), contract, peer.reals_below_zero, stated)


def _own(
    options: argparse.Namespace, given: Mapping[str, Any] | None, settings: Mapping[str, Any]
) -> _Job:
    state = checkpoints.load(options.checkpoint)
    if options.arch and options.arch != state.arch:
        raise ModelError(f"{options.checkpoint} is of a network {state.arch}, not {options.arch}.")
    fitted = read_calibration(options.calibration) if options.calibration else None
    contract = contract_of(state, fitted)
    return _Job(checkpoints.network(state), changed(given or contract.as_dict(), settings))


def _ready_base(path: Path) -> dict[str, Any]:
    """What can be said of any ready file; everything else must be given."""
    return {
        "version": VERSION,
        "name": path.stem,
        "arch": "unknown",
        "calibration": asdict(UNCALIBRATED),
        "thresholds": asdict(DEFAULT_THRESHOLDS),
    }


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    """FIELD=VALUE, the value as JSON or, where it is none, as the text that it is."""
    settings: dict[str, Any] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        if not equals or not name:
            raise ConfigError(f"--set takes FIELD=VALUE, as in crop.margin=0.1, not {pair!r}.")
        try:
            settings[name] = json.loads(text)
        except ValueError:
            settings[name] = text
    return settings


def _read_contract(path: Path) -> dict[str, Any]:
    """A contract as a sidecar holds it; a hash in it is of another file and left out."""
    try:
        with path.open(encoding="utf-8") as file:
            table = json.loads(file.read(MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        raise ConfigError(f"The contract {path} cannot be read or is no JSON.") from None
    if not isinstance(table, dict):
        raise ConfigError(f"The contract {path} must be a JSON object.")
    table.pop("sha256", None)
    return table


def _agreement(
    job: _Job, output: Path, known: Sequence[KnownClip], options: argparse.Namespace
) -> str:
    ready = not isinstance(job.source, nn.Module)
    crops = [crop for clip in known for crop in clip.crops]
    if not crops and options.data:
        crops = real_crops(options.data, options.cache, job.contract)
    count = _SLOW if ready else CHECKED
    chosen = crops[:: max(1, len(crops) // count)][:count] or random_crops(job.contract, count)
    try:
        found = compare(job.reference(), output, chosen, real=bool(crops))
    except IncomparableError:
        return "not compared: ONNX's reference implementation cannot run this graph"
    _check(found)
    kind = "real" if found.real else "random"
    return (
        f"{'its graph' if ready else 'torch'} against ONNX Runtime on {found.crops} {kind} crops: "
        f"greatest difference {found.logit:.1e} in logit, {found.cam:.1e} in cam"
    )


def _check(found: Agreement) -> None:
    logit = found.logit / max(1.0, found.largest)
    cam = found.cam / max(1.0, found.brightest)
    if not max(logit, cam) <= TOLERANCE:
        raise ModelError(
            f"torch and ONNX disagree, by {found.logit:.1e} in logits up to {found.largest:.1f} "
            f"and {found.cam:.1e} in a cam up to {found.brightest:.1f}; nothing was written."
        )


def _polarity(job: _Job, output: Path, known: Sequence[KnownClip]) -> Polarity | None:
    if not known:
        return None
    scorer = OnnxScorer(output, device="cpu")
    try:
        found = polarity.check(known, scorer, reals_below_zero=job.reals_below_zero)
    finally:
        scorer.close()
    if found.verdict in (Verdict.REVERSED, Verdict.CONTRADICTED):
        raise ModelError(f"Nothing was written: {found.describe()}.")
    return found


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="export_onnx",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True, help="ends in .onnx")
    parser.add_argument("--arch", help="what it is; needed unless it is of models.train")
    parser.add_argument("--calibration", type=Path, help="written by models.calibrate")
    parser.add_argument("--contract", type=Path, help="JSON, instead of the known contract")
    parser.add_argument(
        "--set", action="append", default=[], metavar="FIELD=VALUE", help="a field of the contract"
    )
    parser.add_argument("--classes", type=int, default=2, help="outputs of torchvision:NAME")
    parser.add_argument("--data", type=Path, help="folder of known clips, or of real faces")
    parser.add_argument(
        "--clips", type=int, default=polarity.CLIPS, help="known clips of each class to ask about"
    )
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
