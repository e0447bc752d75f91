"""`python -m aitrader`: the command line."""

from aitrader.cli import main

if __name__ == "__main__":
    main()
