"""Real parts for tests and benches: programs that are started, used and ended. Usable without pytest."""
