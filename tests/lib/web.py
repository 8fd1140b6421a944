#!/usr/bin/env python3
"""A web server for what tare fetches by URL, good and bad: web.py DIR [CERT KEY].

Files are in DIR/www; DIR/ready has HOST:PORT once it listens; DIR/log a line "METHOD PATH STATUS" for each answer.

  /f/NAME        the file, with Last-Modified and no version
  /v/NAME        the file, with an ETag of its content; a request that has it is answered 304
  /to/N/REST     sends on to /to/N-1/REST, and from /to/0/REST to /REST
  /loop          sends on to itself
  /status/CODE   nothing but that
  /cut/N/NAME    the connection breaks after half of the file, for the first N requests
  /stall/N/NAME  half of the file and then nothing more, for the first N requests
  /endless       bytes without an end
  /html          200, and a page that says that there is no such file
  /auth/NAME     the file for who has the login that is in DIR/login ("Basic …"); 401 for others
  /name          302 to the URL in DIR/elsewhere

It is a proxy, too, that gives its own files for those of every host.
"""
import hashlib
import http.server
import os
import socketserver
import ssl
import sys
import threading
import time
import urllib.parse

TOP = os.path.abspath(sys.argv[1])
counts, lock = {}, threading.Lock()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def say(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        self.note(status)

    def note(self, status):
        with lock, open(os.path.join(TOP, "log"), "a", encoding="utf-8") as f:
            f.write(f"{self.command} {self.path} {status}\n")

    def file(self, name):
        path = os.path.join(TOP, "www", name)
        with open(path, "rb") as f:
            return f.read(), self.date_time_string(os.stat(path).st_mtime)

    def nth(self):
        with lock:
            counts[self.path] = counts.get(self.path, 0) + 1
            return counts[self.path]

    def broken(self, how, times, name):
        body, when = self.file(name)
        if self.nth() > int(times):
            return self.say(200, body, Last_Modified=when)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:len(body) // 2])
        self.wfile.flush()
        self.note(how)
        if how == "stall":
            time.sleep(300)
        self.close_connection = True
        return None

    def endless(self):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        self.note(200)
        while True:
            self.wfile.write(b"x" * 65536)

    def versioned(self, name):
        body, when = self.file(name)
        etag = '"' + hashlib.sha256(body).hexdigest()[:16] + '"'
        if self.headers.get("If-None-Match") == etag:
            return self.say(304, ETag=etag)
        return self.say(200, body, ETag=etag, Last_Modified=when)

    def do_GET(self):
        path = urllib.parse.urlsplit(self.path).path  # a proxy is asked for whole URLs
        kind, _, rest = urllib.parse.unquote(path)[1:].partition("/")
        try:
            if kind == "f":
                body, when = self.file(rest)
                return self.say(200, body, Last_Modified=when)
            if kind == "v":
                return self.versioned(rest)
            if kind == "to":
                n, _, rest = rest.partition("/")
                return self.say(302, Location="/" + rest if n == "0" else f"/to/{int(n) - 1}/{rest}")
            if kind == "loop":
                return self.say(302, Location="/loop")
            if kind == "status":
                return self.say(int(rest))
            if kind in ("cut", "stall"):
                return self.broken(kind, *rest.split("/", 1))
            if kind == "endless":
                return self.endless()
            if kind == "html":
                return self.say(200, b"<html>no such file</html>", Content_Type="text/html")
            if kind == "auth":
                with open(os.path.join(TOP, "login"), encoding="utf-8") as f:
                    if self.headers.get("Authorization", "").lower() != f.read().strip().lower():
                        return self.say(401, WWW_Authenticate='Basic realm="x"')
                return self.say(200, self.file(rest)[0])
            if kind == "name":
                with open(os.path.join(TOP, "elsewhere"), encoding="utf-8") as f:
                    return self.say(302, Location=f.read().strip())
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
            return None
        except FileNotFoundError:
            pass
        return self.say(404)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def main():
    server = Server(("127.0.0.1", 0), Handler)
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(os.path.join(TOP, "ready.new"), "w", encoding="utf-8") as f:
        f.write(f"127.0.0.1:{server.server_address[1]}")
    os.rename(os.path.join(TOP, "ready.new"), os.path.join(TOP, "ready"))
    server.serve_forever()


main()
