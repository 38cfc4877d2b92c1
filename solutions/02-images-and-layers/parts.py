"""Write order/parts.bin: two megabytes that nothing compresses, the same on every computer.

They stand for what an application brings along and rarely changes: its libraries.
"""

import hashlib
from pathlib import Path

PARTS = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(65_536))

if __name__ == "__main__":
    Path("order/parts.bin").write_bytes(PARTS)
    print(f"order/parts.bin: {len(PARTS):,} bytes")
