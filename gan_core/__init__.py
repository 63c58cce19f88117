"""GAN Atelier's core: train, keep and use generative adversarial networks. Needs no page.

dataset = load_dataset(Path("my_pictures"))
base = load_snapshot(resolve("dcgan-kaokore-64"))
config = derive(len(dataset), minutes=5, network=base.network)
for event in train(config, Data(dataset.images), Path("run"), Start(base, "dcgan-kaokore-64")):
    print(event)
"""

from gan_core.errors import AtelierError
from gan_core.gan.config import Cadence, NetworkConfig, TrainConfig, derive
from gan_core.gan.latents import latents, render
from gan_core.gan.snapshot import Snapshot, load_snapshot, save_snapshot
from gan_core.gan.train import Data, Start, train
from gan_core.hub.resolve import bundled_models, resolve
from gan_core.pictures import Dataset, load_dataset, save_png, to_uint8

__all__ = [
    "AtelierError",
    "Cadence",
    "Data",
    "Dataset",
    "NetworkConfig",
    "Snapshot",
    "Start",
    "TrainConfig",
    "bundled_models",
    "derive",
    "latents",
    "load_dataset",
    "load_snapshot",
    "render",
    "resolve",
    "save_png",
    "save_snapshot",
    "to_uint8",
    "train",
]
