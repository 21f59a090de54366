"""``python -m hepaflow`` is ``hepaflow``."""

from hepaflow.cli import main

if __name__ == "__main__":
    main()
