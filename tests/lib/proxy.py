#!/usr/bin/env python3
"""proxy.py READY LOG TARGET: an HTTP proxy on loopback that asks TARGET (host:port), whatever host it is asked for. READY gets its own
host:port; LOG a line "METHOD URL" for each request."""
import http.client
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

ready, log, target = sys.argv[1:]


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        with open(log, "a", encoding="utf-8") as f:
            f.write(f"{self.command} {self.path}\n")
        url = urlsplit(self.path)
        c = http.client.HTTPConnection(target)
        c.request(self.command, url.path, headers={k: v for k, v in self.headers.items() if k.lower() not in ("host", "proxy-connection")})
        r = c.getresponse()
        data = r.read()
        self.send_response(r.status)
        for k, v in r.getheaders():
            if k.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(k, v)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


s = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
with open(ready + ".new", "w", encoding="ascii") as f:
    f.write(f"127.0.0.1:{s.server_address[1]}\n")
os.rename(ready + ".new", ready)
s.serve_forever()
