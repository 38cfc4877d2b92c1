"""Wait for an hour of the night: `python hour.py 13` moves the lab's clock forward to 13 hours after real time.

The clock only goes forward here, as on a server. When the hour is already over, the wait fails.
"""

import sys

from ecrlab.client import LabClient
from ecrlab.home import Home

lab = LabClient(Home.find())
missing = float(sys.argv[1]) * 3600 - lab.status()["clock"]["offset_seconds"]
if missing < -60:
    sys.exit(f"hour {sys.argv[1]} is over: it passed {-missing / 3600:.0f} hours ago")
if missing > 0:
    lab.advance(missing)
print(f"hour {sys.argv[1]}")
