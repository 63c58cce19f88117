"""Start the page: `python app.py`. On Spaces this file is the entry point."""

import logging
import os
import signal
import sys

from gan_core.errors import AtelierError
from gan_core.hub.client import be_anonymous
from ui import build_app, launch_options
from ui.errors import whole_number

AT_ONCE = "GAN_ATELIER_RUNS_AT_ONCE"  # how many runs train at the same time
if os.environ.get("SPACE_ID"):
    be_anonymous()  # visitors name what is fetched, and the token is not theirs
try:
    demo = build_app(runs_at_once=whole_number(AT_ONCE, os.environ.get(AT_ONCE, "1"), 1, 64))
except AtelierError as error:  # a setting that somebody can correct
    sys.exit(str(error))

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # A container is stopped with SIGTERM; leaving in good order lets the runs save first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    demo.launch(**launch_options())
