"""Start the page: `python app.py`. On Spaces this file is the entry point."""

import logging
import signal
import sys

from ui import build_app, launch_options

demo = build_app()

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # A container is stopped with SIGTERM; leaving in good order lets the runs save first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    demo.launch(**launch_options())
