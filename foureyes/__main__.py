"""`python -m foureyes` is the command `foureyes`."""

import sys


def main() -> None:
    """Run the command line; a Ctrl-C while its parts are still being imported ends quietly, too."""
    try:
        from foureyes.cli import main as command_line  # noqa: PLC0415 - importing takes a second of a person's time

        command_line()
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
