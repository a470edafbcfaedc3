"""The verbs and options of the command ``fakewatch``; what they do stands in `realtime.cli`."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from realtime import __version__
from realtime.errors import ExitCode
from realtime.evaluation.options import add_options
from realtime.feedback.options import add_actions
from realtime.redact import redact
from realtime.types import VerdictState

FAIL_ON: Final = {
    state.value.replace("_", "-"): state
    for state in (VerdictState.UNCERTAIN, VerdictState.STRONG, VerdictState.VERY_STRONG)
}

_SOURCE: Final = (
    "a video file, a camera (0, /dev/video0, its name), rtsp://..., screen:1, screen:1@x,y,w,h "
    'or window:"title*"'
)


class Parser(argparse.ArgumentParser):
    """Says what to do about a file whose name looks like an option."""

    def error(self, message: str) -> NoReturn:
        """One sentence and exit code 2."""
        dashed = [a for a in sys.argv[1:] if a.startswith("-") and Path(a).exists()]
        hint = f" If {dashed[0]} is a file, write ./{dashed[0]}." if dashed else ""
        self.exit(
            ExitCode.USAGE, redact(f"fakewatch: {message}; see {self.prog} --help.{hint}") + "\n"
        )


def parser() -> Parser:
    """The whole command line; the verb is in ``verb``, of ``config`` its own in ``action``."""
    whole = Parser(
        prog="fakewatch",
        description="Tells, face by face, how strong the evidence is that a video is a deepfake.",
        epilog="Exit codes: 0 done, 1 internal error, 2 usage, 3 source, 4 model, "
        "5 nothing assessable, 10 --fail-on reached, 130 interrupted.",
    )
    whole.add_argument("--version", action="version", version=f"fakewatch {__version__}")
    verbs = whole.add_subparsers(required=True, metavar="VERB", dest="verb", parser_class=Parser)

    watch = verbs.add_parser("watch", help="watch a source in a window, with overlays")
    watch.add_argument(
        "source",
        nargs="?",
        help=f"{_SOURCE}; none shows the sources of --config, or an empty window",
    )
    watch.add_argument("--loop", action="store_true", help="start a file again at its end")
    watch.add_argument(
        "--challenge",
        action="store_true",
        help="ask the person for acts, one after another, on the standard error and in the guide "
        "of the window; without a display this runs without a window",
    )
    _add_live(watch)
    _add_output(watch)
    _add_common(watch)

    analyze = verbs.add_parser("analyze", help="analyse sources without a window")
    analyze.add_argument(
        "sources",
        nargs="*",
        metavar="SOURCE",
        help=f"{_SOURCE}; files one after another, live sources side by side; none takes those "
        "of --config",
    )
    analyze.add_argument("--headless", action="store_true", help="what analyze always is")
    analyze.add_argument(
        "--max-seconds",
        type=_duration,
        metavar="N",
        help="stop in good order after so many seconds; of files, each one",
    )
    analyze.add_argument(
        "--fail-on",
        choices=sorted(FAIL_ON),
        help="exit with 10 if any face reaches this verdict",
    )
    analyze.add_argument(
        "--metrics", metavar="HOST:PORT", help="serve /metrics, /live and /ready of live sources"
    )
    analyze.add_argument("--no-progress", action="store_true", help="no progress bar")
    analyze.add_argument("--quiet", action="store_true", help="errors only, no verdicts in words")
    _add_live(analyze)
    _add_output(analyze)
    _add_common(analyze)

    demo = verbs.add_parser("demo", help="watch the embedded clip, whose face is swapped at 8 s")
    demo.add_argument("--headless", action="store_true", help="no window")
    demo.add_argument(
        "--seconds", type=_seconds, default=24.0, help="length of the clip (default 24)"
    )
    _add_output(demo)
    _add_common(demo)

    evaluate = verbs.add_parser("eval", help="how good the detector is on labelled clips")
    evaluate.add_argument(
        "folder", metavar="DIR", type=Path, help="real/ and fake/, or a public set"
    )
    add_options(evaluate)
    _add_common(evaluate)

    verbs.add_parser("devices", help="cameras, screens and windows that can be watched")
    _add_config(verbs)
    kept = verbs.add_parser("feedback", help="what people said of faces: list, export, delete")
    add_actions(kept, Parser)
    verbs.add_parser("doctor", help="what is wrong with this machine, and the remedy")
    whole.set_defaults(log_level="error")
    return whole


def _add_config(verbs: argparse._SubParsersAction[Parser]) -> None:
    config = verbs.add_parser("config", help="every setting explained; a file of settings checked")
    actions = config.add_subparsers(
        required=True, metavar="ACTION", dest="action", parser_class=Parser
    )
    actions.add_parser("explain", help="print every setting with its default, as TOML")
    check = actions.add_parser("check", help="say whether a file is good, without opening a source")
    check.add_argument("file", metavar="FILE", type=Path)


def _add_live(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--transport", choices=("tcp", "udp"), default="tcp", help="how RTSP travels (default tcp)"
    )
    parser.add_argument(
        "--allow-http", action="store_true", help="allow http:// and https:// sources"
    )
    parser.add_argument(
        "--hear",
        metavar="WHAT",
        help="hear speaker (what this computer plays) or microphone, either with :NAME, with "
        "screens, windows and cameras",
    )
    parser.add_argument(
        "--evidence", metavar="DIR", help="keep clips there of what led to an alert on a stream"
    )


def _add_output(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--jsonl", metavar="PATH", help="results as JSON Lines, - for stdout")
    parser.add_argument("--video", metavar="PATH", type=Path, help="annotated copy of the video")
    parser.add_argument("--heat", action="store_true", help="paint the heat map into the copy")
    parser.add_argument(
        "--report", metavar="PATH", type=Path, help="a report for people: .html or .pdf"
    )
    parser.add_argument(
        "--report-faces",
        action="store_true",
        help="put pictures of the faces that led to a verdict into the report",
    )


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings in TOML")
    parser.add_argument("--model", metavar="FILE", help="another ONNX model with its contract")
    parser.add_argument("--model-sha256", metavar="HEX", help="what the model must hash to")
    parser.add_argument("--device", choices=("auto", "cuda", "cpu"), help="where the model runs")
    parser.add_argument(
        "--log-level", choices=("debug", "info", "warning", "error"), default="warning"
    )


def _seconds(text: str) -> float:
    return _between(text, 1.0, 600.0, "give a number of seconds from 1 to 600")


def _duration(text: str) -> float:
    return _between(text, 0.1, 1e9, "give a number of seconds of at least 0.1")


def _between(text: str, least: float, most: float, remedy: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not least <= value <= most:
        raise argparse.ArgumentTypeError(remedy)
    return value


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The options that ``arguments`` give; leaves with one sentence and code 2 if they are wrong.

    Raises:
        SystemExit: for a mistake, and after the help was printed.
    """
    whole = parser()
    options = whole.parse_args(arguments)
    if options.verb == "analyze" and not options.sources and options.config is None:
        whole.error("analyze needs a SOURCE, or --config with a file that lists some")
    return options
