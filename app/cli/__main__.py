"""``python -m app.cli`` is the ``pyharbor`` command."""

from app.cli.main import main

if __name__ == "__main__":
    main()
