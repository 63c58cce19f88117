"""GANs that were made elsewhere, turned into snapshots. Known layouts are data, a line or two each.

What a file does not say, sizes and widths, is read off the shapes of its tensors; what they do not
say either, strides and paddings, stands in the layout.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from gan_core.errors import BadSetting, BadWeights
from gan_core.gan.budget import Budget
from gan_core.gan.config import NetworkConfig, network_of
from gan_core.gan.networks import build
from gan_core.gan.networks.families import FAMILIES, LAYERS
from gan_core.gan.networks.layers import Layer
from gan_core.gan.pickles import read_pickle
from gan_core.gan.snapshot import G_FILE, Snapshot, fill, is_snapshot, save_snapshot
from gan_core.weights import MAX_MB, read_tensors

_VERSION = b"1"  # of the conversion: another one converts anew
_ROOM = 8  # a network may take so many times its files' bytes: they can be halves, without D


@dataclass(frozen=True)
class Layout:
    """How some program names and orders the tensors of G, and of D.

    about: whose it is. kind: the network of ours that computes the same. names: a pattern that all
    names fit. sides: number of convolutions -> side of the pictures. steps: stride and padding of
    each, where `kind` does not know them.
    """

    about: str
    kind: str
    names: str
    sides: Mapping[int, int]
    steps: tuple[tuple[int, int], ...] = ()


LAYOUTS = (
    # pytorch.org/tutorials/beginner/dcgan_faces_tutorial.html, and the same at other sizes.
    Layout("the PyTorch tutorial's DCGAN", "dcgan", r"main\.\d+\.\w+",
           {3: 16, 4: 32, 5: 64, 6: 128, 7: 256}),
    # GANPyTorch.ipynb of Microsoft's "AI for Beginners", lesson 10.
    Layout("the DCGAN of the lesson's notebook", "notebook", r"(?:conv|bn)\d\.\w+", {4: 28}),
    # github.com/teddykoker/cryptopunks-gan, on the Hub as nateraw/cryptopunks-gan.
    Layout("the generator of cryptopunks-gan", LAYERS, r"network\.\d+\.\w+",
           {4: 24}, ((1, 0), (2, 1), (2, 0), (2, 1))),
)  # fmt: skip


@dataclass(frozen=True)
class _Part:
    """One network's tensors, and what can be read off them."""

    layout: Layout
    is_D: bool
    tensors: dict[str, Tensor]
    convolutions: list[Tensor]

    @property
    def side(self) -> int:
        return self.layout.sides[len(self.convolutions)]

    @property
    def channels(self) -> int:
        return self.convolutions[0 if self.is_D else -1].shape[1]

    @property
    def width(self) -> int:
        return self.convolutions[0 if self.is_D else -1].shape[0]


def adopt(
    G: Path, D: Path | None, cache: Path, on_new: Callable[[Path], object] = lambda folder: None
) -> Path:
    """Give a model's files as a snapshot, for `load_snapshot`: as they are, or converted.

    G, D: safetensors, or a pickle of tensors; G may hold both. A converted one is kept in `cache`,
    under the hash of its files, so a pickle is opened once. on_new: called with the folder that one
    is about to be written to.

    Raises: BadWeights when the layout is not known or a file is not sound; DiskFull.
    """
    if _is_safetensors(G) and is_snapshot(G):
        return G.parent if G.name == G_FILE else G
    files = [G] if D is None else [G, D]
    _refuse_large(files)
    digest = hashlib.sha256(_VERSION)
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    folder = cache / digest.hexdigest()[:32]
    if not (folder / G_FILE).is_file():
        tensors = [each for file in files for each in _networks(_read(file))]
        held = sum(file.stat().st_size for file in files)
        snapshot = _convert(tensors, G.name, held)
        on_new(folder)
        save_snapshot(snapshot, folder)
    return folder


def _refuse_large(files: list[Path]) -> None:
    megabytes = sum(file.stat().st_size for file in files) / 1e6
    if megabytes > MAX_MB:
        raise BadWeights(
            f"{files[0].name} has {megabytes:,.0f} MB.",
            f"A model that is converted may have {MAX_MB} MB.",
            "Choose a smaller one.",
        )


def _is_safetensors(path: Path) -> bool:
    return path.suffix.lower() == ".safetensors"


def _read(path: Path) -> Mapping[str, object]:
    return read_tensors(path) if _is_safetensors(path) else read_pickle(path)


def _networks(content: Mapping[str, object]) -> Iterator[dict[str, Tensor]]:
    """The networks in a file: its tensors, or those of each record in it."""
    for record in (content, *content.values()):
        if isinstance(record, Mapping):
            tensors = {
                str(name).removeprefix("module."): each  # as `nn.DataParallel` calls them
                for name, each in record.items()
                if isinstance(each, Tensor) and each.numel()  # an empty one can have any shape
            }
            if tensors:
                yield tensors


def _part(tensors: dict[str, Tensor]) -> _Part | None:
    """Find the layout of a network by its names; None if it has none that is known."""
    ordered = sorted(tensors, key=lambda name: [int(n) for n in re.findall(r"\d{1,9}", name)])
    convolutions = [tensors[name] for name in ordered if tensors[name].dim() == 4]
    for layout in LAYOUTS:
        fits = all(re.fullmatch(layout.names, name) for name in tensors)
        if fits and len(convolutions) in layout.sides:
            # A convolution's filters begin with what comes out, a transposed one's with what goes
            # in: and out of a D comes one number.
            return _Part(layout, convolutions[-1].shape[0] == 1, tensors, convolutions)
    return None


def _convert(networks: list[dict[str, Tensor]], label: str, held: int) -> Snapshot:
    """Make a snapshot of the first G among these, and of a D that fits it. Raises: BadWeights.

    held: bytes of their files; tensors can share numbers, so their own sizes say little.
    """
    parts = [part for part in map(_part, networks) if part is not None]
    G = next((part for part in parts if not part.is_D), None)
    if G is None:
        raise _not_known(networks, label)
    fits = (part for part in parts if part.is_D and part.layout is G.layout)
    fits = (part for part in fits if (part.side, part.channels) == (G.side, G.channels))
    D = next(fits, None) if G.layout.kind in FAMILIES else None
    network = _network(G, D)
    with Budget(_ROOM * held):
        net_G, net_D = build(network)
    fill(net_G, _named(G, network), label)
    if D is not None:
        try:
            fill(net_D, _named(D, network), label)
        except BadWeights:  # a variant of its own: G makes pictures all the same
            D = None
    layout = G.layout.about if D is not None else f"{G.layout.about}, G alone"
    return Snapshot(network, net_G.eval(), net_D.eval() if D else None, {"layout": layout})


def _not_known(networks: list[dict[str, Tensor]], label: str) -> BadWeights:
    names = [
        f"{name:.60} {list(tensor.shape)}" for each in networks for name, tensor in each.items()
    ]
    return BadWeights(
        f"{label} holds no generator that is known; it holds {len(names)} tensors,"
        f" {', '.join(names[:2]) or 'none'}, ...",
        f"Known are models of GAN Atelier, and {', '.join(layout.about for layout in LAYOUTS)}.",
        "Choose another model.",
    )


def _network(G: _Part, D: _Part | None) -> NetworkConfig:
    """The network of ours that computes the same. Raises: BadWeights."""
    asked = {"resolution": G.side, "z_dim": G.convolutions[0].shape[0], "width_G": G.width}
    asked["width_D"] = D.width if D is not None else G.width
    table = [
        str(Layer(filters.shape[1], filters.shape[2], stride, padding))
        for filters, (stride, padding) in zip(G.convolutions, G.layout.steps, strict=False)
    ]
    grey = {"channels": 1} if G.layout.kind == "notebook" and G.channels == 1 else {"channels": 3}
    try:
        return network_of(G.layout.kind, layers=tuple(table), **asked, **grey)
    except BadSetting as error:
        raise BadWeights(
            f"It looks like {G.layout.about}, but {error.what}", error.expected, error.advice
        ) from error


def _named(part: _Part, network: NetworkConfig) -> dict[str, Tensor]:
    """A part's tensors as our network has them: by its names, in its colours."""
    tensors = part.tensors
    if part.layout.kind == LAYERS:
        return {re.sub(r"^\w+\.", "main.", name): each for name, each in tensors.items()}
    if part.channels == 1 and network.channels == 3:
        # Grey becomes colour and computes the same: G makes three alike, D sees their mean.
        edge = part.convolutions[0 if part.is_D else -1]
        wide = edge.repeat(1, 3, 1, 1) / (3 if part.is_D else 1)
        tensors = {name: wide if each is edge else each for name, each in tensors.items()}
    return tensors
