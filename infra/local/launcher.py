"""The engine's process. It exists for one setting that must be made before the engine starts."""

import socketserver

# Without it, every call of a function waits 40 ms for Nagle's algorithm and a delayed ACK.
socketserver.StreamRequestHandler.disable_nagle_algorithm = True

if __name__ == "__main__":
    from ministack.app import main

    main()
