"""Every setting of a style transfer: defaults, bounds and help, written once; and the presets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from gan_core.errors import BadSetting
from gan_core.features.load import NETWORKS, is_network
from gan_core.settings import LAST_SEED, check_bounds, choice, setting

Colors = Literal["style", "keep", "match"]
Start = Literal["content", "noise", "noisy content", "picture"]
_BY_BLOCK = {"1": 16.0, "2": 4.0}
_MOST_STEPS, _MOST_WEIGHT = 100_000, 1e9
STARTS = ("content", "noise", "noisy content", "picture")


@dataclass(frozen=True)
class Objective:
    """What is made small, and how much of each term.

    form "relative": every term is a share of its own size, and `strength` weighs them.
    form "lesson": the lesson's sums and means, weighed by the three weights.
    """

    form: str = choice("relative", ("relative", "lesson"), "Form of the losses")
    content_layers: tuple[str, ...] = ("relu4_1",)
    style_layers: tuple[str, ...] = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
    style_layer_weights: tuple[float, ...] = ()  # (): `layer_weights` below
    content_weight: float = setting(1.0, 0, 1e9, "Weight of the content loss")
    style_weight: float = setting(1.0, 0, 1e9, "Weight of the style loss")
    tv_weight: float = setting(0.1, 0, 1e9, "Weight of the total-variation loss")
    tv: str = choice("squared", ("squared", "absolute", "power"), "Form of total variation")


def layer_weights(objective: Objective) -> tuple[float, ...]:
    """The weights of the style layers: those given, else 16 in block 1, 4 in block 2, 1 below.

    Shallow layers settle colour and grain; deep ones alone leave both to chance
    (crowsonkb/style-transfer-pytorch weighs its layers 256:64:16:4:1). Ours were chosen by trial,
    docs/experiments.md. The lesson's form weighs all alike, as the lesson does.
    """
    if objective.style_layer_weights:
        return objective.style_layer_weights
    if objective.form == "lesson":
        return (1.0,) * len(objective.style_layers)
    return tuple(_BY_BLOCK.get(layer[4:5], 1.0) for layer in objective.style_layers)


@dataclass(frozen=True)
class StyleConfig:
    """One style transfer.

    network: "stylenet", "vgg19", or "owner/repo" or "owner/repo@revision" on the Hub.
    steps: how many at each size, from the smallest on; they come before `seconds`. Fewer numbers
    than sizes end it earlier.
    """

    network: str = field(default="stylenet", metadata={"help": "Feature network"})
    size: int = setting(512, 64, 1024, "Longer side of the result, pixels")
    seconds: float = setting(20.0, 1, 3600, "Time, seconds")
    strength: float = setting(50.0, 0, 100, "Strength of style")
    style_scale: float = setting(1.0, 0.25, 2, "Size of the style's strokes, 1: as it is")
    colors: Colors = choice("style", ("style", "keep", "match"), "Colours")
    start: Start = choice("content", STARTS, "What the optimisation begins from")
    seed: int = setting(0, 0, LAST_SEED, "Seed of the noise")
    optimizer: str = choice("adam", ("adam", "lbfgs"), "Optimiser")
    lr: float = setting(0.01, 1e-5, 10, "Learning rate, in units of black to white")
    beta1: float = setting(0.9, 0, 0.999, "Adam's beta 1")
    beta2: float = setting(0.99, 0.5, 0.9999, "Adam's beta 2")
    eps: float = setting(1e-8, 1e-12, 10, "Adam's epsilon")
    levels: int = setting(5, 1, 8, "Levels of the pyramid that Adam works on; 1: plain pixels")
    average: float = setting(0.9, 0, 0.999, "Decay of the average over iterates")
    precision: str = choice("auto", ("auto", "float32", "bfloat16"), "Numbers; auto: by timing")
    first_size: int = setting(128, 32, 1024, "Longer side at which the optimisation begins")
    steps: tuple[int, ...] = ()
    objective: Objective = Objective()

    def __post_init__(self) -> None:
        check_bounds(self)
        check_bounds(self.objective)
        if not is_network(self.network):
            raise BadSetting(
                f"network is {self.network!r:.80}.",
                f"It must be one of {', '.join(NETWORKS)}, or owner/repo on the Hugging Face Hub.",
                "Choose one of these.",
            )
        if not all(isinstance(n, int) and 1 <= n <= _MOST_STEPS for n in self.steps):
            raise BadSetting(
                f"steps is {self.steps}.",
                f"Every size needs a whole number of steps between 1 and {_MOST_STEPS:,}.",
                "Give positive whole numbers, or none and a time.",
            )
        for layers in (self.objective.content_layers, self.objective.style_layers):
            if len(set(layers)) < len(layers):
                raise BadSetting(
                    f"The layers are {', '.join(layers)}.",
                    "Each may be named once.",
                    "Take the second one out, or give weights.",
                )
        weights = self.objective.style_layer_weights
        if weights and (
            len(weights) != len(self.objective.style_layers)
            or not all(0 < weight <= _MOST_WEIGHT for weight in weights)
        ):
            raise BadSetting(
                f"style_layer_weights is {weights}, for {len(self.objective.style_layers)} layers.",
                f"There must be one number above 0 and at most {_MOST_WEIGHT:g} for each, or none.",
                "Give as many as there are style layers.",
            )
        if not (self.objective.content_layers or self.objective.style_layers):
            raise BadSetting(
                "There is neither a content layer nor a style layer.",
                "Something must be optimised.",
                "Name a layer, for instance relu4_1.",
            )


@dataclass(frozen=True)
class Preset:
    """Settings with a name and a sentence that says what they show."""

    config: StyleConfig
    about: str


# The lesson's notebooks (AI-For-Beginners, lesson 10: StyleTransfer and StyleTransfer_Keras) weigh
# losses of a Keras VGG-16: inputs of 0 to 255, activations as they come. Ours have a mean of 1 in
# nearly every filter, so the notebooks' weights would mean something else. They carry over like
# this: one step of our normalised input is 0.226 * 255 levels of theirs, and a ReLU network that
# keeps the variance from layer to layer (He et al. 2015) answers a unit of input with a mean of
# 0.56. So one of our activations stands for about 32 of theirs: a squared feature difference
# weighs 32^2, a squared Gram difference 32^4. This is an estimate, not a measurement on VGG-16.
# What else differs: pixels are clamped to 0..1 after every step; the notebook clips only to draw.
_UNIT = 0.226 * 255 * 0.56
_CONTENT_UNIT, _STYLE_UNIT = _UNIT**2, _UNIT**4
_NOTEBOOK_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")


def _lesson(content: float, style: float, tv: float = 0.0, form: str = "absolute") -> Objective:
    return Objective(
        form="lesson",
        content_layers=("relu4_2",) if content else (),
        style_layers=_NOTEBOOK_LAYERS if style else (),
        content_weight=content * _CONTENT_UNIT,
        style_weight=style * _STYLE_UNIT,
        tv_weight=tv,
        tv=form,
    )


_NOTEBOOK = StyleConfig(
    size=256,
    first_size=256,
    start="noise",
    lr=0.002,
    beta1=0.99,
    beta2=0.999,
    eps=0.1,
    levels=1,
    average=0.0,
    steps=(1000,),  # 10 times 100
    objective=_lesson(1, 0),
)

PRESETS: dict[str, Preset] = {
    "lesson-content": Preset(
        _NOTEBOOK, "Content only, from noise: what the network sees of a picture."
    ),
    "lesson-noise": Preset(
        replace(_NOTEBOOK, objective=_lesson(2, 1)), "From noise: 2 · content + 1 · style."
    ),
    "lesson-variation": Preset(
        replace(_NOTEBOOK, start="noisy content", objective=_lesson(1, 150, 30)),
        "From the content with noise: 1 · content + 150 · style + 30 · total variation.",
    ),
    "lesson-lbfgs": Preset(
        # The notebook's style loss carries a factor of 1/4: 0.25 / (N^2 M^2), N channels, M places.
        replace(_NOTEBOOK, optimizer="lbfgs", steps=(30,), objective=_lesson(1, 30 / 4)),
        "From noise by L-BFGS, 10 + 20 iterations: 1 · content + 30 · style.",
    ),
    "lesson-lbfgs-variation": Preset(
        replace(
            _NOTEBOOK, optimizer="lbfgs", steps=(10,), objective=_lesson(1, 30 / 4, 1, "power")
        ),
        "The same with 1 · total variation to the power of 1.25, 10 iterations.",
    ),
}
