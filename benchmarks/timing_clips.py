"""Copies of a clip whose speed was changed, and copies that others make every day.

Made with the ffmpeg command, in the folder given; whatever is there already is not made again.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from realtime.errors import ConfigError

SPEEDS: Final = (0.5, 0.75, 0.9, 1.25, 1.5)
METHODS: Final = ("repeated or dropped", "blended", "motion-interpolated", "time stamps only")
RATE_FACTORS: Final = (18, 28, 36)
SOUNDS: Final = {
    "AAC 128k": ("aac", "128k", 44100),
    "AAC 64k": ("aac", "64k", 44100),
    "Opus 64k": ("libopus", "64k", 48000),
    "Opus 24k": ("libopus", "24k", 48000),
}
"""Codec, bits a second, samples a second; most sounds here come with 44 100 samples."""
STRETCHES: Final = ("atempo", "rubberband", "asetrate")
SECONDS: Final = 10.0
_SIDE: Final = 320

CHOSEN_ON: Final = (
    "liveportrait__d3",
    "liveportrait__d9",
    "liveportrait__d19",
    "DeepFaceLive_input__Bryan_Greynolds_0",
    "liveportrait__d12",
    "HyperLips_input__video2",
)
"""Clips that the constants were chosen on; four have 30 pictures a second and two have 25. None,
nor any of the others, was converted from another rate before, as far as can be seen."""
REPORTED_ON: Final = (
    "AniPortrait_driver__num18_driver",
    "DeepFaceLive_input__Emily_Winston_1",
    "liveportrait__d14",
    "kirichovka_signs__work",
    "liveportrait__d20",
    "DeepFaceLive_input__Ava_de_Addario_2",
)
"""Clips of other people, for the table; again four of 30 and two of 25."""
HEARD_TO_CHOOSE: Final = (
    "liveportrait__d9",
    "liveportrait__s18",
    "liveportrait__d12",
    "HyperLips_input__video2",
    "espeak en",
)
HEARD_TO_REPORT: Final = (
    "liveportrait__d6",
    "liveportrait__d10",
    "liveportrait__d14",
    "liveportrait__d20",
    "kirichovka_signs__work",
    "kirichovka_signs__stop",
    "espeak de",
)
"""Clips with sound; four of all are speech, the others music."""
SPEECH: Final = {
    "espeak en": (
        "en",
        "The video that you are about to see has been slowed down, and nobody "
        "who watches it will notice at first. She was asked about the budget, and she "
        "answered at length, as she always does, without a single note before her.",
    ),
    "espeak de": (
        "de",
        "Wer langsam spricht, dem glaubt man nicht, und wer schnell spricht, der "
        "hat es eilig. So einfach ist es nicht, sagte der alte Mann am Fenster, und "
        "machte das Licht aus, bevor jemand noch etwas fragen konnte.",
    ),
}
"""Synthetic speech: the first for choosing, the second for the table."""

INNOCENT: Final = {
    "as recorded": "",
    "24 to 30": "settb=1/24000,setpts=N*1000,fps=30",
    "25 to 30": "settb=1/25000,setpts=N*1000,fps=30",
    "25 to 30, blended": "settb=1/25000,setpts=N*1000,minterpolate=fps=30:mi_mode=blend",
    "30 to 25": "settb=1/30000,setpts=N*1000,fps=25",
    "30 to 24": "settb=1/30000,setpts=N*1000,fps=24",
    "60 to 30": "settb=1/60000,setpts=N*1000,fps=30",
    "15 to 30": "settb=1/30000,setpts=N*1000,fps=15,fps=30",
    "24 to 29.97, telecine": "settb=1/24000,setpts=N*1001,telecine=pattern=23,settb=1/30000,"
    "setpts=N*1001",
    "telephone, variable rate": "settb=1/30000,setpts=N*1000+260*mod(N*7\\,3)+5000*gte(N\\,150)",
    "screen at 60": "settb=1/25000,setpts=N*1000,fps=60",
    "screen, unsteady": "settb=1/30000,setpts=N*1000,fps=60,"
    "select='gt(mod(n*13+floor(n/7)\\,10)\\,2)',fps=60",
    "compressed twice": "",
}
"""What is done to a clip; each is first taken to have the rate that the conversion begins with."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: ``speed`` 1 and ``method`` a key of `INNOCENT`, or one of `METHODS`."""

    source: str
    method: str
    speed: float
    factor: int
    path: Path


def require_ffmpeg() -> str:
    """The command; raises `ConfigError` if there is none."""
    found = shutil.which("ffmpeg")
    if found is None:
        raise ConfigError("The command ffmpeg is needed for this benchmark; install it.")
    return found


def reduced(clip: Path, folder: Path) -> Path:
    """The first 10 s without loss, the longer side 320 px, with the sound as PCM."""
    out = folder / f"{clip.stem}.mkv"
    shrink = f"scale='if(gt(iw,ih),{_SIDE},-2)':'if(gt(iw,ih),-2,{_SIDE})':flags=area"
    even = "pad=ceil(iw/2)*2:ceil(ih/2)*2"
    _make(
        out,
        ["-t", f"{SECONDS:g}", "-i", str(clip)],
        [
            "-map",
            "0:v:0",
            "-map",
            "0:a:0?",
            "-vf",
            f"{shrink},{even}",
            *_LOSSLESS,
            "-c:a",
            "pcm_s16le",
        ],
    )
    return out


def rate_of(clip: Path) -> int:
    """Frames a second of a reduced clip, a whole number."""
    probe = shutil.which("ffprobe") or "ffprobe"
    said = subprocess.run(
        [
            probe,
            "-v",
            "error",
            "-select_streams",
            "v:0",
            "-show_entries",
            "stream=avg_frame_rate",
            "-of",
            "csv=p=0",
            str(clip),
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    above, _, below = said.partition("/")
    return round(float(above) / float(below or 1))


def slowed(
    clip: Path, speed: float, method: str, factors: Sequence[int], folder: Path
) -> list[Copy]:
    """Pictures of one changed speed, one copy for each rate factor of x264."""
    rate = rate_of(clip)
    # The stamps of Matroska are rounded to milliseconds; counting frames gives them exactly.
    again = f"settb=1/{rate * 1000},setpts=round(N*1000/{speed})"
    then = {
        METHODS[0]: f",fps={rate}",
        METHODS[1]: f",minterpolate=fps={rate}:mi_mode=blend",
        METHODS[2]: f",minterpolate=fps={rate}:mi_mode=mci",
        METHODS[3]: "",
    }[method]
    return _coded(clip, (method, speed, again + then), factors, folder)


def innocent(clip: Path, name: str, factors: Sequence[int], folder: Path) -> list[Copy]:
    """Pictures of a harmless conversion, one copy for each rate factor."""
    if name == "compressed twice":
        once = _coded(clip, (name + " (once)", 1.0, ""), [26], folder)[0].path
        copies = _coded(once, (name, 1.0, ""), factors, folder)
        return [Copy(clip.stem, c.method, c.speed, c.factor, c.path) for c in copies]
    return _coded(clip, (name, 1.0, INNOCENT[name]), factors, folder)


def stretched(clip: Path, speed: float, how: str, sound: str, folder: Path) -> Path:
    """The sound alone, at another speed (1 for as it was), through a codec."""
    codec, bits, rate = SOUNDS[sound]
    change = {
        "atempo": f"atempo={speed}",
        "rubberband": f"rubberband=tempo={speed}",
        "asetrate": f"aresample=44100,asetrate={round(44100 * speed)}",
    }[how] + f",aresample={rate}"
    out = folder / f"{_plain(clip.stem)}_{how}_{speed:g}_{_plain(sound)}.mkv"
    filters = ["-af", f"aresample={rate}" if speed == 1 else change]
    _make(out, ["-i", str(clip)], ["-vn", *filters, "-ac", "1", "-c:a", codec, "-b:a", bits])
    return out


def spoken(name: str, folder: Path) -> Path | None:
    """Synthetic speech in the noise of a room, None where espeak-ng is not installed."""
    voice, text = SPEECH[name]
    command = shutil.which("espeak-ng")
    if command is None:
        return None
    raw, out = folder / f"{_plain(name)}_raw.wav", folder / f"{_plain(name)}.wav"
    if not out.exists():
        subprocess.run([command, "-v", voice, "-w", str(raw), text], check=True)
        _make(
            out,
            ["-i", str(raw), "-f", "lavfi", "-i", "anoisesrc=c=pink:a=0.004:r=44100"],
            [
                "-filter_complex",
                "[0]aresample=44100[v];[v][1]amix=duration=first:normalize=0",
                "-c:a",
                "pcm_s16le",
            ],
        )
    return out


def _coded(
    clip: Path, change: tuple[str, float, str], factors: Sequence[int], folder: Path
) -> list[Copy]:
    """``change`` is the method, the speed and the filters of FFmpeg that do it."""
    method, speed, filters = change
    stem = f"{_plain(clip.stem)}_{_plain(method)}_{speed:g}"
    copies = [
        Copy(clip.stem, method, speed, factor, folder / f"{stem}_crf{factor}.mp4")
        for factor in factors
    ]
    if all(copy.path.exists() for copy in copies):
        return copies
    changed = folder / f"{stem}.mp4"
    how = ["-vf", filters] if filters else []
    _make(changed, ["-i", str(clip)], ["-an", "-t", "12", *how, *_LOSSLESS])
    for copy in copies:
        coded = ["-an", "-c:v", "libx264", "-crf", str(copy.factor), "-pix_fmt", "yuv420p"]
        _make(copy.path, ["-i", str(changed)], [*coded, *_AS_STAMPED])
    changed.unlink()
    return copies


_AS_STAMPED: Final = ("-fps_mode", "passthrough", "-enc_time_base", "-1")
_LOSSLESS: Final = ("-c:v", "libx264", "-preset", "ultrafast", "-qp", "0", *_AS_STAMPED)


def _make(out: Path, inputs: Sequence[str], options: Sequence[str]) -> None:
    if out.exists():
        return
    part = out.with_name(f"part_{out.name}")
    subprocess.run(
        [
            require_ffmpeg(),
            "-v",
            "error",
            "-y",
            "-threads",
            "1",
            *inputs,
            *options,
            "-threads",
            "1",
            str(part),
        ],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    part.rename(out)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
