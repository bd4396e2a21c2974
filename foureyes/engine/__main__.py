"""`python -m foureyes.engine`: the engine alone, without what only the daemon needs: how the daemon starts it."""

import argparse
from pathlib import Path

from foureyes.engine.server import serve

parser = argparse.ArgumentParser(prog="foureyes.engine")
parser.add_argument("--port", type=int, default=0, help="0 takes a free one and says which")
parser.add_argument("--threads", type=int, default=2, help="threads that look for text")
parser.add_argument("--taught", type=Path, help="folder of the pictures that were taught")
parser.add_argument("--parent-pipe", action="store_true", help="end when stdin is closed")
given = parser.parse_args()
serve("127.0.0.1", given.port, given.threads, taught=given.taught, parent_pipe=given.parent_pipe)
