"""``python -m dhsdb``."""

from dhsdb.cli import main

if __name__ == "__main__":
    main()
