"""Entry process: started by the emulator for each environment of a function; has the forker fork it, and waits.

It starts for each environment, so it runs without the virtual environment's packages and imports next to nothing:
`socket` and `json` would take half of its time.
"""

import os
import sys
from _socket import AF_UNIX, SCM_RIGHTS, SOL_SOCKET, socket

forker = socket(AF_UNIX)
forker.connect(os.environ["SHOP_FORKER"])
variables = b"\0".join(b"%b=%b" % variable for variable in os.environb.items())
outputs = b"".join(output.to_bytes(4, sys.byteorder) for output in (1, 2))
forker.sendmsg([len(variables).to_bytes(4, "big")], [(SOL_SOCKET, SCM_RIGHTS, outputs)])
forker.sendall(variables)
forker.recv(1)
