#!/usr/bin/env python3
"""Serves a directory over HTTPS on 127.0.0.1.

    https_server.py DIRECTORY PORT CERTIFICATE KEY

It prints a line for each request. Standard library only.
"""

import functools
import http.server
import ssl
import sys


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, text, *args):
        print(text % args, flush=True)


def main():
    directory, port, certificate, key = sys.argv[1:]
    handler = functools.partial(Handler, directory=directory)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
