"""What the page's tests find on the Hub, and how: the punks, ours with D and without, and eyes."""

from pathlib import Path
from typing import Any

import gradio as gr
import torch
from loopback_hub import COMMIT
from others_networks import Z, punks_G
from tiny_runs import tiny_model

from gan_core.features.classifier import Classifier
from gan_core.features.export import export_stylenet
from gan_core.gan.snapshot import D_FILE
from ui.hub_field import HubField

PUNKS, PAIR, SOLO = "nateraw/cryptopunks-gan", "someone/gan", "someone/solo"
EYES = "someone/eyes"  # a feature network
HERE = {name: f"{name}@{COMMIT}" for name in (PUNKS, PAIR, SOLO)}  # as they are called once here


def punks() -> torch.nn.Module:
    """Their generator, small, and with statistics that are not those of a new one."""
    torch.manual_seed(0)
    G = punks_G().train()
    for _ in range(3):
        G(torch.randn(16, Z, 1, 1))
    return G.eval()


def repositories(folder: Path) -> dict[str, bytes]:
    """Their files, for a `LoopbackHub`. folder: an empty one, to make them in."""
    torch.save(punks().state_dict(), folder / "generator.pth")
    pair = {path.name: path.read_bytes() for path in tiny_model(folder / "pair").iterdir()}
    return {
        f"{PUNKS}/generator.pth": (folder / "generator.pth").read_bytes(),
        **{f"{PAIR}/{name}": content for name, content in pair.items()},
        **{f"{SOLO}/{name}": content for name, content in pair.items() if name != D_FILE},
    }


def eyes(folder: Path) -> dict[str, bytes]:
    """What a feature network's repository holds: what an untrained one of ours sees with."""
    torch.manual_seed(0)
    export_stylenet(Classifier(4).eval(), folder, {"on": "nothing"})
    return {f"{EYES}/{path.name}": path.read_bytes() for path in folder.iterdir()}


def fetch(field: HubField, typed: Any) -> tuple[str, Any]:
    """What the field says at last, and the name of what came; None if nothing did."""
    values: list[Any] = []
    try:
        values.extend(field.fetch(typed))
    except gr.Error as error:
        assert not error.visible, "it is said in its place, not a second time above the page"
        return values[-1][0], None
    return values[-1][0], values[-1][1]
