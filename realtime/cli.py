"""The command ``fakewatch``: what the verbs are and which part each one calls.

The standard output carries data only; progress, logs and complaints go to the standard error.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from rich.console import Console

from realtime import __version__, logs
from realtime import config as settings
from realtime.config import Config
from realtime.errors import ConfigError, ExitCode, FakewatchError, OutputClosed
from realtime.evaluation.options import add_options
from realtime.redact import redact
from realtime.sinks.base import Sink
from realtime.sinks.jsonl import JsonlSink
from realtime.types import VerdictState

_FAIL_ON = {
    state.value.replace("_", "-"): state
    for state in (VerdictState.UNCERTAIN, VerdictState.STRONG, VerdictState.VERY_STRONG)
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code, see `realtime.errors.ExitCode`."""
    console = Console(stderr=True)
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    logs.configure(options.log_level)
    try:
        with _terminate_like_interrupt():
            run: Callable[[argparse.Namespace, Console], int] = options.run
            return run(options, console)
    except OutputClosed:
        _leave_stdout()
        return ExitCode.OK
    except FakewatchError as exc:
        from realtime.headless import complain  # noqa: PLC0415 - slow to import

        complain(console, exc)
        return exc.exit_code
    except KeyboardInterrupt:
        console.print("fakewatch: interrupted; what was gathered is complete.")
        return ExitCode.INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="fakewatch",
        description="Tells, face by face, how strong the evidence is that a video is a deepfake.",
        epilog="Exit codes: 0 done, 1 internal error, 2 usage, 3 source, 4 model, "
        "5 nothing assessable, 10 --fail-on reached, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"fakewatch {__version__}")
    verbs = parser.add_subparsers(required=True, metavar="VERB", parser_class=_Parser)

    watch = verbs.add_parser("watch", help="play a source in a window, with overlays")
    watch.add_argument("source", nargs="?", help="a video file; none opens an empty window")
    watch.add_argument("--loop", action="store_true", help="start again at the end")
    _add_output(watch)
    _add_common(watch)
    watch.set_defaults(run=_watch)

    analyze = verbs.add_parser("analyze", help="analyse sources without a window")
    analyze.add_argument("sources", nargs="+", metavar="SOURCE", help="video files")
    analyze.add_argument(
        "--fail-on",
        choices=sorted(_FAIL_ON),
        help="exit with 10 if any face reaches this verdict",
    )
    analyze.add_argument("--no-progress", action="store_true", help="no progress bar")
    analyze.add_argument("--quiet", action="store_true", help="errors only, no verdicts in words")
    _add_output(analyze)
    _add_common(analyze)
    analyze.set_defaults(run=_analyze)

    demo = verbs.add_parser("demo", help="watch the embedded clip, whose face is swapped at 8 s")
    demo.add_argument("--headless", action="store_true", help="no window")
    demo.add_argument(
        "--seconds", type=_seconds, default=24.0, help="length of the clip (default 24)"
    )
    _add_output(demo)
    _add_common(demo)
    demo.set_defaults(run=_demo)

    evaluate = verbs.add_parser("eval", help="how good the detector is on labelled clips")
    evaluate.add_argument(
        "folder", metavar="DIR", type=Path, help="real/ and fake/, or a public set"
    )
    add_options(evaluate)
    _add_common(evaluate)
    evaluate.set_defaults(run=_evaluate)

    doctor = verbs.add_parser("doctor", help="what is wrong with this machine, and the remedy")
    doctor.set_defaults(run=_doctor, log_level="error")
    return parser


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jsonl", metavar="PATH", help="results as JSON Lines, - for stdout")
    parser.add_argument("--video", metavar="PATH", type=Path, help="annotated copy of the video")
    parser.add_argument("--heat", action="store_true", help="paint the heat map into the copy")


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings in TOML")
    parser.add_argument("--model", metavar="FILE", help="another ONNX model with its contract")
    parser.add_argument("--model-sha256", metavar="HEX", help="what the model must hash to")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), help="where the model runs")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="warning"
    )


def _watch(options: argparse.Namespace, _console: Console) -> int:
    from realtime.window.app import run_window  # noqa: PLC0415 - needs Qt

    config = _config(options)
    with ExitStack() as stack:
        sources = [] if options.source is None else [options.source]
        sinks = _outputs(options, sources, stack)
        return run_window(options.source, config, extra_sinks=sinks, loop=options.loop)


def _analyze(options: argparse.Namespace, console: Console) -> int:
    from realtime.headless import Headless  # noqa: PLC0415 - slow to import
    from realtime.scorer import load_scorer  # noqa: PLC0415
    from realtime.sinks.console import ConsoleSink  # noqa: PLC0415

    config = _config(options)
    with ExitStack() as stack:
        sinks = _outputs(options, options.sources, stack)
        if not options.quiet:
            words = console if options.jsonl == "-" else Console()
            sinks.append(
                ConsoleSink(
                    lambda line: words.print(line, markup=False, highlight=False, soft_wrap=True)
                )
            )
        scorer = stack.enter_context(closing(load_scorer(config.scorer)))
        progress = not (options.no_progress or options.quiet)
        headless = Headless(scorer, config, sinks, console, progress)
        return headless.run(options.sources, _FAIL_ON.get(options.fail_on))


def _demo(options: argparse.Namespace, console: Console) -> int:
    from realtime.sources.synthetic import SWAP_AT_S, demo_clip  # noqa: PLC0415
    from realtime.window.display import has_display  # noqa: PLC0415

    console.print("Making the demo clip ...", highlight=False)
    clip = str(demo_clip(options.seconds))
    console.print(
        f"The clip is made from a portrait; at {SWAP_AT_S:.0f} s its face is swapped.",
        highlight=False,
    )
    if options.headless or not has_display():
        if not options.headless:
            console.print("No display here, so this runs without a window.", highlight=False)
        options.sources = [clip]
        options.fail_on = None
        options.no_progress = options.quiet = False
        return _analyze(options, console)
    options.source = clip
    options.loop = False
    return _watch(options, console)


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    from realtime.evaluation.command import evaluate_folder  # noqa: PLC0415 - slow to import

    return evaluate_folder(options, _config(options), console)


def _doctor(_options: argparse.Namespace, _console: Console) -> int:
    from realtime.doctor import doctor  # noqa: PLC0415

    return doctor(sys.stdout)


def _config(options: argparse.Namespace) -> Config:
    config = Config() if options.config is None else settings.load(options.config)
    given = {"model": options.model, "sha256": options.model_sha256, "device": options.device}
    changes = {name: value for name, value in given.items() if value is not None}
    return dataclasses.replace(config, scorer=dataclasses.replace(config.scorer, **changes))


def _outputs(options: argparse.Namespace, sources: Sequence[str], stack: ExitStack) -> list[Sink]:
    """Open every output that was asked for; ``stack`` closes them again."""
    sinks: list[Sink] = []
    for path in (options.jsonl, options.video):
        if path is not None and str(path) != "-":
            _refuse_overwriting(Path(path), sources)
    if options.jsonl is not None:
        target = sys.stdout if options.jsonl == "-" else Path(options.jsonl)
        sinks.append(stack.enter_context(closing(JsonlSink(target))))
    if options.video is not None:
        from realtime.sinks.video import VideoSink  # noqa: PLC0415 - needs FFmpeg

        sinks.append(stack.enter_context(closing(VideoSink(options.video, heat=options.heat))))
    return sinks


def _refuse_overwriting(output: Path, sources: Sequence[str]) -> None:
    for source in sources:
        try:
            same = output.samefile(source)
        except (OSError, ValueError):
            continue
        if same:
            raise ConfigError(f"The output {output} is the source itself; name another file.")


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1.0 <= value <= 600.0:
        raise argparse.ArgumentTypeError("give a number of seconds from 1 to 600")
    return value


def _leave_stdout() -> None:
    """Point the standard output elsewhere, so that Python's last flush does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _terminate_like_interrupt() -> Iterator[None]:
    """SIGTERM ends a run in the same good order as Ctrl-C."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


class _Parser(argparse.ArgumentParser):
    """Says what to do about a file whose name looks like an option."""

    def error(self, message: str) -> NoReturn:
        """One sentence and exit code 2."""
        dashed = [a for a in sys.argv[1:] if a.startswith("-") and Path(a).exists()]
        hint = f" If {dashed[0]} is a file, write ./{dashed[0]}." if dashed else ""
        self.exit(
            ExitCode.USAGE, redact(f"fakewatch: {message}; see {self.prog} --help.{hint}") + "\n"
        )
