"""`python -m foureyes` is the command `foureyes`."""

from foureyes.cli import main

if __name__ == "__main__":
    main()
