"""What a run will do, in one sentence."""

from gan_core.gan.config import NetworkConfig, TrainConfig

TRAINING_SHARE = 0.85  # of the time; the rest is starting, measuring, previews and saving


def describe(config: TrainConfig, n_images: int, speed: float = 0.0) -> str:
    """Say in one sentence what a run with this configuration will do.

    speed: images/s by the probe; 0 when it is not known.
    """
    parts = [f"{config.loss} loss", f"batches of {config.batch_size}", _say_augmentation(config)]
    if config.freeze_D:
        parts.append(f"D's lowest {config.freeze_D} blocks frozen")
    if config.train_G == "batch-norm":
        parts.append("only G's batch norms learning")
    for name, text in _SAID_IF_SET.items():
        if value := getattr(config, name):
            parts.append(text.format(value))
    if config.grow_from:
        parts.append(f"growing from {config.grow_from} px, {config.grow_kimg:g} kimg a stage")
    network = config.network
    which = "" if network.kind == NetworkConfig.kind else f" by the network {network.kind}"
    return (
        f"{_say_length(config, speed)} on {n_images} pictures at {network.resolution} px{which}:"
        f" {', '.join(parts)}."
    )


_SAID_IF_SET = {
    "skip_D_below": "D skipped while its loss is below {:g}",
    "r1_gamma": "R1 penalty {:g}",
    "r2_gamma": "R2 penalty {:g}",
    "lecam": "LeCam {:g}",
    "mirror": "mirrored too",
    "autopilot": "autopilot",
}


def _say_length(config: TrainConfig, speed: float) -> str:
    if config.minutes is None:
        return f"{config.kimg:g} thousand images"
    seen = config.minutes * 60 * speed * TRAINING_SHARE
    about = f", about {float(f'{seen:.2g}'):,.0f} images seen," if seen else ""
    few = config.minutes < 1
    length = f"{config.minutes:.2g}" if few else f"{config.minutes:.1f}".removesuffix(".0")
    return f"{length} minute{'s' if length != '1' else ''}{about}"


def _say_augmentation(config: TrainConfig) -> str:
    if not config.augment or config.augment_p == 0:
        return "no augmentation"
    share = f" of {config.augment_p:.0%}" if config.augment_p < 1 else ""
    return f"{' + '.join(config.augment)} augmentation{share}"
