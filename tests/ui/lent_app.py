"""The program as on a Space with ZeroGPU, in a process of its own: `lent_app.py MODELS TURN`.

MODELS: a folder of models. TURN: seconds of training in a turn.

There is no GPU here. So what `spaces` does to it in the process that it forks, to start it and to
move tensors there, is left out: two functions. Everything else is the package as it is.
"""

import signal
import sys
from pathlib import Path

import ui.gpu
from ui import build_app, launch_options, turn

spaces_torch = sys.modules["spaces.zero.torch"]
spaces_torch.init = lambda nvidia_uuid: None  # type: ignore[attr-defined]
spaces_torch.move = lambda callback=None: None  # type: ignore[attr-defined]

if __name__ == "__main__":
    assert ui.gpu.LENT
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as app.py does
    turn.SECONDS = float(sys.argv[2])
    build_app(Path(sys.argv[1])).launch(**launch_options())
