"""`python -m foureyes.engine [PORT]`: the engine alone, for tests and for curious people."""

import sys

from foureyes.engine.server import serve

serve(
    "127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0, threads=2, parent_pipe="--parent-pipe" in sys.argv
)
