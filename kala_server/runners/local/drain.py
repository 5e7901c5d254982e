"""The drain: a process that reads what is printed by what commands left in the background, and keeps nothing of it.

Who writes to a pipe that nobody reads is ended by SIGPIPE, and who writes to a full one waits for ever. So when a
command has ended and others still hold its pipe, that is given to a drain (`drains.py`). It outlives the worker and the
server, and ends when they are gone and nobody can print any more. It is a program of its own, which imports nothing of
Kala, so it takes little time and memory. It must hold nothing else: no lock, no stream, no directory.
"""

import os
import resource
import select
import socket

_CONNECTION = 0
"""The socket by which pipes come, as its standard input."""
_AT_ONCE = 1 << 20
"""More bytes than a pipe holds."""
_MOST_PIPES = 253
"""In one message (SCM_MAX_FD, unix(7))."""


def main() -> None:
    """Read pipes to their ends for as long as there are any, or more may come."""
    os.chdir("/")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    drain(socket.socket(fileno=_CONNECTION))


def drain(connection: socket.socket) -> None:
    """Read the pipes that come by a socket."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    ready = select.epoll()
    ready.register(_CONNECTION, select.EPOLLIN)
    left = 1
    while left:
        for descriptor, _ in ready.poll():
            if descriptor == _CONNECTION:
                message, pipes, _, _ = socket.recv_fds(connection, 1, _MOST_PIPES)
                for pipe in pipes:
                    ready.register(pipe, select.EPOLLIN)
                left += len(pipes)
                over = not message
            else:
                over = not os.splice(descriptor, nowhere, _AT_ONCE)
            if over:
                os.close(descriptor)  # which ends that it is waited for
                left -= 1


if __name__ == "__main__":
    main()
