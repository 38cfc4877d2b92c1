from ecrlab.server.serve import main

raise SystemExit(main())
