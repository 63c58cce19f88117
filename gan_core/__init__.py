"""GAN Atelier's core: generative adversarial networks and style transfer. Needs no page.

dataset = load_dataset(Path("my_pictures"), crop="smart")
print(dataset.summary(), examine(dataset.images).expectation())
base = load("dcgan-kaokore-64")
config = derive(len(dataset), minutes=5, network=base.network)
for event in train(config, Data(dataset.images), Path("run"), Start(base, "dcgan-kaokore-64")):
    print(event)
pictures = generate(load("run"), count=16)

style, _ = read_style(Path("paintings"))
for event in stylize(StyleConfig(), Content(read_picture(Path("photo.jpg"))), [style]):
    print(event)
"""

from gan_core.errors import AtelierError
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, derive
from gan_core.gan.dataset_doctor import Findings, examine
from gan_core.gan.latents import generate, latents, render, sample
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.gan.start import Data, Start
from gan_core.gan.train import train
from gan_core.hub.resolve import bundled_models
from gan_core.models import Model, find_model, load, resolve
from gan_core.pictures import Dataset, load_dataset, save_png, to_uint8
from gan_core.style.config import StyleConfig
from gan_core.style.inputs import Content, Style
from gan_core.style.sources import read_picture, read_style
from gan_core.style.transfer import stylize

__all__ = [
    "AtelierError",
    "Cadence",
    "Content",
    "Data",
    "Dataset",
    "Findings",
    "Model",
    "NetworkConfig",
    "Snapshot",
    "Start",
    "Style",
    "StyleConfig",
    "TrainConfig",
    "bundled_models",
    "derive",
    "examine",
    "find_model",
    "generate",
    "latents",
    "load",
    "load_dataset",
    "load_snapshot",
    "read_picture",
    "read_style",
    "render",
    "resolve",
    "sample",
    "save_png",
    "save_snapshot",
    "stylize",
    "to_uint8",
    "train",
]
