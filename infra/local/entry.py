"""Entry process: started by the emulator for each environment of a function; has the forker fork it, and waits.

It runs without the virtual environment's packages and imports little, because it starts for each environment.
"""

import json
import os
import socket

with socket.socket(socket.AF_UNIX) as forker:
    forker.connect(os.environ["SHOP_FORKER"])
    request = json.dumps({"environment": dict(os.environ)}).encode()
    socket.send_fds(forker, [len(request).to_bytes(4, "big")], [1, 2])
    forker.sendall(request)
    forker.recv(1)
