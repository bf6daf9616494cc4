# SPDX-License-Identifier: BSD-2-Clause
"""Waiting for servers."""
import socket
import time


def wait_for(what, condition, seconds=30.0):
    """Wait until condition() is true; say what did not happen otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.05)
    raise RuntimeError("waited %g s in vain for %s" % (seconds, what))


def is_listening(address, port):
    with socket.socket() as s:
        s.settimeout(0.5)
        return s.connect_ex((address, port)) == 0
