"""``python -m hybridmatte``: the command line."""

from hybridmatte.cli import main

if __name__ == "__main__":
    main()
