"""The command ``fakewatch``: what the verbs are and which part each one calls.

The standard output carries data only; progress, logs and complaints go to the standard error.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Final

from rich.console import Console

from realtime import arguments as options_of
from realtime import config as settings
from realtime import config_bounds, logs, outputs
from realtime.arguments import FAIL_ON
from realtime.config import Config, SourceEntry
from realtime.errors import ConfigError, ExitCode, FakewatchError, OutputClosed
from realtime.signals import interrupting, wishing
from realtime.toml_tables import Secret, fill_in, without_secrets

if TYPE_CHECKING:
    from realtime.sources.address import Address


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the result is the exit code, see `realtime.errors.ExitCode`."""
    console = Console(stderr=True)
    options = options_of.parse(sys.argv[1:] if arguments is None else arguments)
    logs.configure(options.log_level)
    try:
        with interrupting():
            return _VERBS[options.verb](options, console)
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


def _watch(options: argparse.Namespace, console: Console) -> int:
    if getattr(options, "challenge", False):
        from realtime.window.display import has_display  # noqa: PLC0415

        if not has_display():
            return _challenge_without_window(options, console)
    from realtime.window.app import run_window  # noqa: PLC0415 - needs Qt

    config = _config(options)
    text = options.source
    if text is not None and _address(options, text).live:
        # With all that belongs to it, in the one form that the window knows.
        filled, secrets = _filled(text)
        entry = SourceEntry(
            source=filled, transport=options.transport, allow_http=options.allow_http
        )
        secrets = (*config.secrets, *secrets)
        config, text = dataclasses.replace(config, sources=(entry,), secrets=secrets), None
    with ExitStack() as stack:
        wanted = dataclasses.replace(_wanted(options), guided=True)
        if text is None and config.sources:
            several = len(config.sources) > 1
            wanted = dataclasses.replace(wanted, evidence=config.evidence)
            live = stack.enter_context(closing(outputs.LiveOutputs(wanted, several=several)))
            return run_window(None, config, live_sinks=live, loop=options.loop)
        sinks = outputs.for_files(wanted, [] if text is None else [text], stack)
        return run_window(text, config, extra_sinks=sinks, loop=options.loop)


def _challenge_without_window(options: argparse.Namespace, console: Console) -> int:
    if options.source is None:
        raise ConfigError("A challenge needs a SOURCE where there is no display; name one.")
    options.sources = [options.source]
    options.max_seconds = options.fail_on = None
    options.quiet = options.no_progress = True
    return _analyze(options, console)


def _analyze(options: argparse.Namespace, console: Console) -> int:
    config = _config(options)
    if options.sources:
        config = dataclasses.replace(config, sources=())
    addresses = _addresses(options, config)
    if any(address.live for address in addresses.values()):
        return _analyze_live(options, config, addresses, console)
    return _analyze_files(
        options, config, [address.target for address in addresses.values()], console
    )


def _analyze_files(
    options: argparse.Namespace, config: Config, files: Sequence[str], console: Console
) -> int:
    from realtime.headless import Headless  # noqa: PLC0415 - slow to import
    from realtime.scorer import load_scorer  # noqa: PLC0415

    with ExitStack() as stack:
        sinks = outputs.for_files(_wanted(options, console), files, stack)
        scorer = stack.enter_context(closing(load_scorer(config.scorer)))
        headless = Headless(
            scorer, config, sinks, console, _shows_progress(options), options.max_seconds
        )
        return headless.run(files, FAIL_ON.get(options.fail_on))


def _analyze_live(
    options: argparse.Namespace,
    config: Config,
    addresses: Mapping[str, Address],
    console: Console,
) -> int:
    from realtime.headless_live import HeadlessLive  # noqa: PLC0415 - slow to import
    from realtime.scorer import load_scorer  # noqa: PLC0415

    wanted = dataclasses.replace(_wanted(options, console), evidence=config.evidence)
    wanted.refuse_overwriting([a.target for a in addresses.values() if not a.live])
    reread = None
    if not options.sources:

        def reread() -> tuple[Config, Mapping[str, Address]]:
            again = _config(options)
            return again, _addresses(options, again)

    with ExitStack() as stack:
        # From now on, so that a SIGHUP while the model is loaded ends nothing.
        wishes = stack.enter_context(wishing(reloadable=reread is not None))
        several = len(addresses) > 1 or reread is not None
        opened = stack.enter_context(closing(outputs.LiveOutputs(wanted, several=several)))
        scorer = stack.enter_context(closing(load_scorer(config.scorer)))
        live = HeadlessLive(scorer, config, opened, console, _shows_progress(options))
        return live.run(
            addresses,
            wishes,
            fail_on=FAIL_ON.get(options.fail_on),
            max_seconds=options.max_seconds,
            reread=reread,
        )


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
        options.fail_on = options.max_seconds = None
        options.no_progress = options.quiet = False
        return _analyze_files(options, _config(options), [clip], console)
    options.source = clip
    options.loop = options.allow_http = False
    options.transport = "tcp"
    return _watch(options, console)


def _evaluate(options: argparse.Namespace, console: Console) -> int:
    from realtime.evaluation.command import evaluate_folder  # noqa: PLC0415 - slow to import

    return evaluate_folder(options, _config(options), console)


def _doctor(_options: argparse.Namespace, _console: Console) -> int:
    from realtime.doctor import doctor  # noqa: PLC0415

    return doctor(sys.stdout)


def _devices(_options: argparse.Namespace, _console: Console) -> int:
    from realtime import devices  # noqa: PLC0415 - asks every camera

    return devices.report(sys.stdout)


def _settings(options: argparse.Namespace, _console: Console) -> int:
    from realtime import settings_help  # noqa: PLC0415

    if options.action == "explain":
        sys.stdout.write(settings_help.explain())
    else:
        sys.stdout.writelines(f"{line}\n" for line in settings_help.check(options.file))
    sys.stdout.flush()
    return ExitCode.OK


def _feedback(options: argparse.Namespace, _console: Console) -> int:
    from realtime.feedback.command import feedback  # noqa: PLC0415

    return feedback(options, sys.stdout)


_VERBS: Final[Mapping[str, Callable[[argparse.Namespace, Console], int]]] = {
    "watch": _watch,
    "analyze": _analyze,
    "demo": _demo,
    "eval": _evaluate,
    "devices": _devices,
    "config": _settings,
    "feedback": _feedback,
    "doctor": _doctor,
}


def _config(options: argparse.Namespace) -> Config:
    config = Config() if options.config is None else settings.load(options.config)
    given = {"model": options.model, "sha256": options.model_sha256, "device": options.device}
    changes = {name: value for name, value in given.items() if value is not None}
    config = dataclasses.replace(config, scorer=dataclasses.replace(config.scorer, **changes))
    if (address := getattr(options, "metrics", None)) is not None:
        changed = dataclasses.replace(config.metrics, address=address)
        config = dataclasses.replace(config, metrics=changed)
    if (what := getattr(options, "hear", None)) is not None:
        config = dataclasses.replace(config, cues=dataclasses.replace(config.cues, hear=what))
        config_bounds.check(config)
    if (folder := getattr(options, "evidence", None)) is not None:
        evidence = dataclasses.replace(config.evidence, folder=folder)
        config = dataclasses.replace(config, evidence=evidence)
    return config


def _addresses(options: argparse.Namespace, config: Config) -> dict[str, Address]:
    """The sources of the command line, else those of the file of settings, by their names."""
    from realtime.sources.listed import listed  # noqa: PLC0415 - imports the decoders

    if options.sources:
        return {
            f"source-{number}": _address(options, text)
            for number, text in enumerate(options.sources, 1)
        }
    found = listed(config)
    if not found:
        raise ConfigError(
            f"The configuration {options.config} lists no source that is enabled; add one under "
            "[[sources]], or name one on the command line."
        )
    return found


def _address(options: argparse.Namespace, text: str) -> Address:
    from realtime.sources import Transport, parse  # noqa: PLC0415 - imports the decoders

    filled, secrets = _filled(text)
    return parse(
        filled,
        transport=Transport(options.transport),
        allow_http=options.allow_http,
        shown=without_secrets(filled, secrets) if secrets else None,
    )


def _filled(text: str) -> tuple[str, tuple[Secret, ...]]:
    """``${NAME}`` filled in: what stands on the command line itself, all users of a machine see."""
    secrets: list[Secret] = []
    filled = text if os.path.exists(text) else fill_in(text, "SOURCE", secrets)
    return filled, tuple(secrets)


def _wanted(options: argparse.Namespace, console: Console | None = None) -> outputs.Wanted:
    """What was asked for; verdicts in words go where the JSON Lines do not."""
    say = None
    if console is not None and not options.quiet:
        # Two consoles on one terminal would write into each other's lines.
        one_terminal = console.is_terminal and sys.stdout.isatty()
        words = console if options.jsonl == "-" or one_terminal else Console()

        def say(line: str) -> None:
            words.print(line, markup=False, highlight=False, soft_wrap=True)

    ask = None
    if getattr(options, "challenge", False):
        # The standard error, so that the JSON Lines may have the standard output.
        prompts = Console(stderr=True) if console is None else console

        def ask(line: str) -> None:
            prompts.print(line, markup=False, highlight=False, soft_wrap=True)

    return outputs.Wanted(
        *(options.jsonl, options.video, options.heat, say),
        challenge=ask,
        report=options.report,
        report_faces=options.report_faces,
    )


def _shows_progress(options: argparse.Namespace) -> bool:
    return not (options.no_progress or options.quiet)


def _leave_stdout() -> None:
    """Point the standard output elsewhere, so that Python's last flush does not complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
