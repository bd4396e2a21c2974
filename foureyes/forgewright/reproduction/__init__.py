"""T00L5ET: a recorded fault as a test that can be run, and the verdict whether it shows the fault."""
