"""`python -m ecrlab.standin`: what the installed `docker` script runs."""

from ecrlab.standin.cli import main

raise SystemExit(main())
