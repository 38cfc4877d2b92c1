from ecrlab.server.server import main

raise SystemExit(main())
