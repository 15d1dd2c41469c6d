"""``python -m malca``."""

from malca.cli import main

main()
