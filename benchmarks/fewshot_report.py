"""What `fewshot` measured, as a file of lines, as tables, and as ratios to the goal."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from gan_core.gan.metrics import Quality

MINUTES = (0.5, 1, 2, 3, 4, 5, 10, 20, 30, 60)  # the table's columns
OURS = "ours"
KEPT = "kept"  # the variant that a run hands out; where there is one, no other counts
NAMES = {
    OURS: "ours",
    "tutorial": "tutorial loop, from scratch",
    "diffaugment": "the same with DiffAugment",
    "plain": "tutorial loop, from our model",
}
_FINE, _COARSE = 30.0, 150.0  # seconds between measurements, until and after:
_FINE_UNTIL = 300.0


@dataclass(frozen=True)
class Measurement:
    """One figure of one contender.

    at: the mark it counts for, in seconds; it was taken at the first opportunity after that, at
    `seconds` of CPU time. variant: which of the contender's generators. pictures: the name of the
    set, with what was held out of it.
    """

    contender: str
    variant: str
    seed: int
    pictures: str
    compute: str
    at: float
    seconds: float
    kimg: float
    quality: Quality


Run = list[Measurement]


def gap(seconds: float) -> float:
    """Seconds between two measurements around this time."""
    return _FINE if seconds <= _FINE_UNTIL else _COARSE


def marks(minutes: float) -> list[float]:
    """When to measure, in seconds, ascending; the end is the last."""
    found, end = [], minutes * 60
    at = gap(0)
    while at < end:
        found.append(at)
        at += gap(at + 1)
    return [*found, end]


def append(path: Path, measurement: Measurement) -> None:
    """Add a line, at once, so that whatever ends the process leaves what was measured."""
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(measurement)) + "\n")


def read(paths: Iterable[Path]) -> list[Measurement]:
    """Read what `append` wrote."""
    found = []
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            values = json.loads(line)
            found.append(Measurement(**{**values, "quality": Quality(**values["quality"])}))
    return found


def kid_at(run: Run, seconds: float) -> float | None:
    """KID by the last measurement not later than this; None before the first and after the end.

    Of several variants the nearest counts, or the kept one.
    """
    last = max((each.at for each in run if each.at <= seconds), default=None)
    if last is None or last <= seconds - gap(seconds):
        return None
    return best([each for each in run if each.at == last]).quality.kid


def best(run: Run) -> Measurement:
    """What the run hands out; where it hands out nothing, the nearest that it ever came."""
    kept = [each for each in run if each.variant == KEPT]
    return kept[-1] if kept else min(run, key=lambda each: each.quality.kid)


def end(run: Run) -> Measurement:
    """The nearest of the variants at the last mark, or the kept one."""
    last = max(each.at for each in run)
    return best([each for each in run if each.at == last])


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float] | None:
    """Mean KID over mean KID, with the lowest and the highest ratio of all pairs of seeds.

    None when a KID of theirs is not above 0: there is then nothing left to compare.
    """
    if min(theirs) <= 0:
        return None
    pairs = [mine / other for mine in ours for other in theirs]
    return statistics.mean(ours) / statistics.mean(theirs), min(pairs), max(pairs)


def report(measurements: Sequence[Measurement]) -> str:
    """Everything as Markdown: for each set of pictures a table and the ratios."""
    sets: dict[str, dict[tuple[str, str, int], Run]] = {}
    for each in measurements:
        runs = sets.setdefault(each.pictures, {})
        runs.setdefault((each.contender, each.compute, each.seed), []).append(each)
    lines: list[str] = []
    for pictures, runs in sets.items():
        ordered = [runs[k] for k in sorted(runs, key=lambda k: (list(NAMES).index(k[0]), *k[1:]))]
        lines += [f"## {pictures}\n", *_table(ordered), "", *_ratios(ordered), ""]
    return "\n".join(lines)


def _table(runs: list[Run]) -> list[str]:
    judge = runs[0][0].quality
    head = ["contender", "seed", "computes in", *(f"{each:g} min" for each in MINUTES)]
    head += ["best [90 %]", "when, min", "coverage", "memorised", "diversity", "ran, min", "kimg"]
    lines = [
        f"KID x 1000 by minutes of CPU time on one thread; {judge.n_real} real pictures,"
        f" {judge.n_fake} made; {judge.extractor}.\n",
        f"| {' | '.join(head)} |",
        "|" + "---|" * len(head),
    ]
    for run in runs:
        top, last = best(run), max(run, key=lambda each: each.seconds)
        found, on_the_way = top.quality, [kid_at(run, minutes * 60) for minutes in MINUTES]
        cells = [NAMES[top.contender], str(top.seed), top.compute]
        cells += ["" if kid is None else f"{kid * 1000:.0f}" for kid in on_the_way]
        cells += [
            f"{found.kid * 1000:.1f} [{found.kid_low * 1000:.1f}..{found.kid_high * 1000:.1f}]"
            f" ({top.variant})",
            f"{top.at / 60:.3g}",
            f"{found.coverage:.0%}",
            f"{found.memorised:.0%}",
            f"{found.diversity:.2f}",
            f"{last.seconds / 60:.1f}",
            f"{last.kimg:.1f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _ratios(runs: list[Run]) -> list[str]:
    """Ours, as handed out, over each other contender's best and end; one line a comparison."""
    ours = [best(run) for run in runs if run[0].contender == OURS and best(run).variant == KEPT]
    peers: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        if run[0].contender != OURS:
            peers.setdefault((run[0].contender, run[0].compute), []).append(run)
    if not ours or not peers:
        return ["Ratios need ours, finished, and another contender."]
    lines = [
        f"Ours after {max(each.at for each in ours) / 60:g} min over | KID x 1000"
        " | ratio [over all pairs of seeds] | goal",
        "---|---|---|---",
    ]
    for (contender, compute), theirs in peers.items():
        ran = min(max(each.at for each in run) for run in theirs) / 60
        for what, choose, goal in (
            (f"best within {ran:.3g} min", best, 1 / 5 if contender == "tutorial" else None),
            (f"after {ran:.3g} min", end, 1 / 2 if contender == "diffaugment" else None),
        ):
            kids = [choose(run).quality.kid for run in theirs]
            found = ratio([each.quality.kid for each in ours], kids)
            lines.append(
                f"{NAMES[contender]} ({compute}), {what} | {statistics.mean(kids) * 1000:.1f}"
                f" | {_say_ratio(found)} | {_verdict(found, goal)}"
            )
    return [f"| {line} |" if "---" not in line else f"|{line}|" for line in lines]


def _say_ratio(found: tuple[float, float, float] | None) -> str:
    return "none" if found is None else f"{found[0]:.3f} [{found[1]:.3f}..{found[2]:.3f}]"


def _verdict(found: tuple[float, float, float] | None, goal: float | None) -> str:
    if goal is None or found is None:
        return ""
    return f"at most {goal:g}: {'met' if found[0] <= goal else 'missed'}"
