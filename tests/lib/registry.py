#!/usr/bin/env python3
"""registry.py: the tests' registry. It speaks the OCI distribution specification 1.1, and errs where a test tells it to.

  registry.py serve DIR [OPTION…]           DIR/store holds what it has; DIR/ready is written when it listens: host:port
      --listen HOST:PORT (127.0.0.1:0)  --unix PATH  --tls CERT KEY  --client-ca CERT
      --auth none|basic|token  --user NAME:PASSWORD[:ACTIONS]…  --anonymous REGEX  --token-expires S|none  --token-lives S  --realm URL
      --faults FILE                          a JSON list, see registry_faults.py
      --page N                               a list has no longer pages, whatever is asked for
  registry.py control DIR METHOD WHAT [JSON]   faults (GET, POST, DELETE), log (GET, DELETE), stats (GET), tokens (DELETE: all expire)

/_control/WHAT does the same on the registry's own port. DIR/control.sock is there for the clients that a registry refuses.
The log has a line for each request. A thread serves each connection. Nothing here is fit for anything but tests.
"""
import argparse
import http.client
import json
import os
import re
import signal
import socket
import socketserver
import ssl
import struct
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

sys.dont_write_bytecode = True  # the tests' folder stays as it is
import registry_faults as rf  # noqa: E402
from registry_auth import Auth  # noqa: E402
from registry_store import DIGEST, NAME, TAG, Store, digest_of, digest_of_file, read  # noqa: E402

PIECE = 1 << 17
MAX_MANIFEST = 4 << 20
INDEX = "application/vnd.oci.image.index.v1+json"
V2 = re.compile(rf"/v2/({NAME})/(manifests|blobs|blobs/uploads|tags|referrers)/([^/]*)\Z")


class Reply(Exception):
    """An answer; raised or returned."""

    def __init__(self, status, headers=None, body=b""):
        self.status, self.headers = status, dict(headers or {})
        self.body = body if isinstance(body, rf.Body) else rf.Body(body)


def json_reply(status, doc, headers=None):
    text = json.dumps(doc, separators=(",", ":")) + ("\n" if doc else "")
    return Reply(status, {"Content-Type": "application/json; charset=utf-8", **(headers or {})}, text.encode())


def error(status, code, message, headers=None):
    return json_reply(status, {"errors": [{"code": code, "message": message, "detail": None}]}, headers)


class Gone(Exception):
    """The connection is to be reset."""


class Record:
    """The requests so far, and those under way."""

    def __init__(self):
        self.lock, self.idle = threading.Lock(), threading.Condition()
        self.log, self.active, self.connections = [], {}, 0
        self.blobs = self.max_blobs = 0

    def connection(self):
        with self.lock:
            self.connections += 1
            return self.connections

    def begin(self, entry):
        with self.idle:
            self.active[id(entry)] = entry
            self.log.append(entry)
            if entry["blob"]:
                self.blobs += 1
                self.max_blobs = max(self.max_blobs, self.blobs)

    def end(self, entry):
        with self.idle:
            entry["done"] = True
            self.active.pop(id(entry), None)
            self.blobs -= entry["blob"]
            self.idle.notify_all()

    def settle(self):
        """A client has its answer before we have written that down: wait for that, not for who is stalled."""
        with self.idle:
            self.idle.wait_for(lambda: not self.active, timeout=1)

    def clear(self):
        with self.idle:
            self.log, self.max_blobs = list(self.active.values()), self.blobs

    def stats(self):
        return {"requests": len(self.log), "connections": self.connections, "blobs": self.blobs, "max_blobs": self.max_blobs}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "tare-test-registry", ""
    wbufsize = 0
    counted = {"received": 0}  # of requests to /_control

    def log_message(self, *_):
        pass

    def address_string(self):
        return "-"

    def setup(self):
        if self.request.family != socket.AF_UNIX:  # headers and body are two writes: Nagle would have the second wait
            self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.server.tls:  # here, for a handshake may take as long as the client likes
            self.request.settimeout(20)
            self.request = self.server.tls.wrap_socket(self.request, server_side=True)
            self.request.settimeout(None)
        super().setup()
        self.connection_id = self.server.app.record.connection()

    def answer(self):
        self.path_only, _, self.query = self.path.partition("?")
        self.left = int(self.headers.get("Content-Length") or 0)
        self.chunked = "chunked" in (self.headers.get("Transfer-Encoding") or "").lower()
        if self.path_only.startswith("/_control/"):
            self.send(self.server.app.control(self))
            return
        entry = self.entry()
        record = self.server.app.record
        record.begin(entry)
        self.counted = entry
        try:
            self.faults = self.server.app.faults.strike(self.command, self.path)
            entry["faults"] = [f["kind"] for f in self.faults]
            for f in self.faults:
                if f["kind"] == "delay":
                    time.sleep(float(f.get("seconds", 1)))
            refused = [f for f in self.faults if f["kind"] == "refuse"]
            reply = error(int(refused[0].get("code", 507)), "TOOMANYREQUESTS", "as told") if refused else self.route()
            rf.apply(self.faults, reply, self.path)
            entry["status"] = reply.status
            self.drain()
            self.send(reply, entry)
        except (Gone, ConnectionError, ssl.SSLError):
            self.reset()
        finally:
            record.end(entry)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = answer

    def entry(self):
        h = self.headers
        scheme = (h.get("Authorization") or "").partition(" ")[0].lower()
        user = (self.server.app.auth.basic_user(h["Authorization"]) or None) if scheme == "basic" else None
        return {"method": self.command, "path": self.path, "auth": scheme or None, "user": user, "range": h.get("Range"),
                "accept": ", ".join(h.get_all("Accept") or []) or None, "agent": h.get("User-Agent"), "host": h.get("Host"),
                "content_range": h.get("Content-Range"), "connection": self.connection_id, "time": round(time.time(), 3), "sent": 0,
                "received": 0, "status": None, "faults": [], "done": False,
                "blob": self.command == "GET" and bool(re.search(r"/blobs/sha\d+:", self.path_only))}

    def fault(self, kind):
        return next((f for f in self.faults if f["kind"] == kind), None)

    def route(self):
        try:
            return self.server.app.route(self)
        except Reply as reply:
            return reply

    # what comes in

    def pieces(self):
        """The request's body. Raises ConnectionError when it ends early."""
        while self.chunked or self.left:
            if self.chunked:
                size = int(self.rfile.readline().split(b";")[0] or b"", 16)
                if not size:
                    while self.rfile.readline().strip():
                        pass
                    self.chunked = False
                    return
                yield from self.exactly(size)
                self.rfile.readline()
            else:
                n, self.left = self.left, 0
                yield from self.exactly(n)

    def exactly(self, n):
        while n:
            data = self.rfile.read(min(n, PIECE))
            if not data:
                raise ConnectionError("ended early")
            n -= len(data)
            self.counted["received"] += len(data)
            yield data

    def taken(self):
        """pieces(), as the drop fault lets them through."""
        drop, got = self.fault("drop"), 0
        for data in self.pieces():
            if drop and got + len(data) >= int(drop.get("after", 0)):
                yield data[:int(drop.get("after", 0)) - got]
                raise Gone
            got += len(data)
            yield data

    def whole(self, limit):
        out = b""
        for data in self.taken():
            out += data
            if len(out) > limit:
                raise error(413, "SIZE_INVALID", "too large")
        return out

    def drain(self):
        """What was not read would be taken for the next request, and a close would take the answer with it."""
        for _ in self.pieces():
            pass

    # what goes out

    def send(self, reply, entry=None):
        b = reply.body
        self.send_response(reply.status)
        for k, v in reply.headers.items():
            self.send_header(k, v)
        if self.command == "HEAD" or reply.status in (204, 304):
            if reply.status != 204:
                self.send_header("Content-Length", str(b.declared))
            self.end_headers()
            return
        if b.framing == "length":
            self.send_header("Content-Length", str(b.declared))
        elif b.framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        try:
            self.send_body(b, entry if entry is not None else {"sent": 0})
        finally:
            if b.end or b.framing == "close" or b.send != b.declared:
                self.close_connection = True
        if b.end == "cut":
            raise Gone
        if b.end == "stall":
            self.stall(b.wait)

    def send_body(self, b, entry):
        if b.plain():
            with open(b.path, "rb") as f:
                entry["sent"] = self.connection.sendfile(f, b.start, b.send) if b.send else 0
            return
        at, start, step = 0, time.monotonic(), PIECE if not b.rate else max(1, min(PIECE, b.rate // 20))
        while at < b.send:
            data = b.piece(at, min(step, b.send - at))
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data) if b.framing == "chunked" else data)
            at += len(data)
            entry["sent"] = at
            if b.rate:
                time.sleep(max(0, start + at / b.rate - time.monotonic()))
        if b.framing == "chunked" and not b.end:
            self.wfile.write(b"0\r\n\r\n")

    def stall(self, seconds):
        """Until the client is tired of it."""
        self.connection.settimeout(seconds)
        try:
            self.connection.recv(1)
        except OSError:
            pass

    def reset(self):
        self.close_connection = True
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            (socket.socket(fileno=self.connection.detach()) if self.connection.fileno() >= 0 else self.connection).close()
        except OSError:
            pass

    def finish(self):
        try:
            super().finish()
            if self.server.tls:  # the end is said, so that who reads to the end knows that it is one
                self.connection.settimeout(1)
                self.connection.unwrap().close()
        except (OSError, ValueError):
            self.connection.close()


class App:
    def __init__(self, root, auth, faults):
        self.store, self.auth, self.faults, self.record = Store(root + "/store"), auth, rf.Faults(faults), Record()
        self.root = root

    def control(self, h):
        what, verb = h.path_only[len("/_control/"):], h.command
        body = b"".join(h.pieces())
        if what == "faults" and verb == "POST":
            try:
                doc = json.loads(body)
                for f in doc if isinstance(doc, list) else [doc]:
                    self.faults.add(f)
            except (ValueError, AttributeError, re.error) as e:
                return error(400, "UNSUPPORTED", str(e))
        elif what == "faults" and verb == "DELETE":
            self.faults.clear()
        elif what == "tokens" and verb == "DELETE":
            self.auth.revoke()
        elif what == "log" and verb == "DELETE":
            self.record.settle()
            self.record.clear()
        elif what in ("faults", "log", "stats") and verb == "GET":
            if what == "faults":
                return json_reply(200, self.faults.faults)
            self.record.settle()
            if what == "stats":
                return json_reply(200, self.record.stats())
            return Reply(200, {"Content-Type": "application/jsonl"}, "".join(json.dumps(e) + "\n" for e in self.record.log).encode())
        else:
            return error(404, "UNSUPPORTED", f"no {verb} {what}")
        return Reply(204)

    def route(self, h):
        if h.path_only == "/token" and self.auth.kind == "token" and h.command in ("GET", "POST"):
            return json_reply(*self.auth.grant(h.command, h.query, h.headers.get("Authorization"), h.whole(1 << 16)))
        m = V2.match(h.path_only)
        q = urllib.parse.parse_qs(h.query, keep_blank_values=True)
        scopes = []
        if m:
            scopes = [("repository", m[1], {"GET": ["pull"], "HEAD": ["pull"], "DELETE": ["delete"]}.get(h.command, ["pull", "push"]))]
        elif h.path_only == "/v2/_catalog":
            scopes = [("registry", "catalog", ["*"])]
        no = self.auth.check(h.headers.get("Authorization"), scopes)
        if no:
            return error(no[0], "UNAUTHORIZED" if no[0] == 401 else "DENIED", "authentication required", no[1])
        if h.path_only in ("/v2/", "/v2"):
            return json_reply(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"})
        if h.path_only == "/v1/search" and h.command == "GET" and os.path.exists(os.path.join(self.root, "search.json")):
            return self.search(q)
        if h.path_only == "/v2/_catalog" and h.command == "GET":
            return self.page("repositories", self.store.repos(), h.path_only, q)
        if not m:
            return error(404, "NAME_INVALID", "no such page")
        reply = getattr(self, {"blobs/uploads": "uploads"}.get(m[2], m[2]))(h, m[1], m[3], q)
        reply.headers.setdefault("Docker-Distribution-Api-Version", "registry/2.0")
        return reply

    def search(self, q):
        """As Docker Hub's index answers, out of DIR/search.json, a list of its results; a text there is the whole answer."""
        with open(os.path.join(self.root, "search.json"), encoding="utf-8") as f:
            known = json.load(f)
        if isinstance(known, str):
            return Reply(200, {"Content-Type": "application/json"}, known.encode())
        term, most = q.get("q", [""])[0], int(q.get("n", ["25"])[0])
        found = [r for r in known if term in r["name"]][:most]
        return json_reply(200, {"num_results": len(found), "query": term, "results": found})

    def page(self, key, all_of_them, path, q, more=None):
        last, n = q.get("last", [""])[0], q.get("n", [None])[0]
        some = [x for x in all_of_them if x > last]
        headers = {}
        if n is not None:
            if not n.isdigit():
                return error(400, "PAGINATION_NUMBER_INVALID", "n is no number")
            most = min(int(n), self.page_max or int(n))
            if most < len(some):
                some = some[:most]
                if some:
                    headers["Link"] = f'<{path}?{urllib.parse.urlencode({"last": some[-1], "n": n})}>; rel="next"'
        return json_reply(200, {**(more or {}), key: some}, headers)

    def tags(self, h, name, what, q):
        if what != "list" or h.command != "GET":
            return error(404, "UNSUPPORTED", "no such page")
        if not self.store.has_repo(name):
            return error(404, "NAME_UNKNOWN", "repository name not known to registry")
        return self.page("tags", self.store.tags(name), h.path_only, q, {"name": name})

    def referrers(self, h, name, digest, q):
        if h.command != "GET":
            return error(405, "UNSUPPORTED", "not so")
        if not DIGEST.match(digest):
            return error(400, "DIGEST_INVALID", "no digest")
        found, headers = self.store.referrers(name, digest), {"Content-Type": INDEX}
        if "artifactType" in q:
            found = [d for d in found if d.get("artifactType") == q["artifactType"][0]]
            headers["OCI-Filters-Applied"] = "artifactType"
        return json_reply(200, {"schemaVersion": 2, "mediaType": INDEX, "manifests": found}, headers)

    def manifests(self, h, name, reference, _):
        if not TAG.match(reference) and not DIGEST.match(reference):
            return error(400, "DIGEST_INVALID" if ":" in reference else "TAG_INVALID", "no tag and no digest")
        if h.command == "PUT":
            return self.put_manifest(h, name, reference)
        found = self.store.manifest(name, reference)
        if not found:
            return error(404, "MANIFEST_UNKNOWN" if self.store.has_repo(name) or h.command == "DELETE" else "NAME_UNKNOWN", "unknown")
        digest, kind = found
        if h.command == "DELETE":
            self.store.drop_manifest(name, digest) if ":" in reference else self.store.drop(name, "_tags", reference)
            return Reply(202)
        if h.command not in ("GET", "HEAD"):
            return error(405, "UNSUPPORTED", "not so")
        accept = [a.split(";")[0].strip() for line in h.headers.get_all("Accept") or ["*/*"] for a in line.split(",")]
        if not {kind, "*/*", "application/*"} & set(accept):
            return error(404, "MANIFEST_UNKNOWN", f"it is of type {kind}, which Accept does not name")
        return self.bytes_of(h, digest, kind)

    def put_manifest(self, h, name, reference):
        data = h.whole(MAX_MANIFEST)
        kind = (h.headers.get("Content-Type") or "").split(";")[0]
        try:
            doc = json.loads(data)
            parts = [d["digest"] for d in [doc.get("config")] + (doc.get("layers") or []) if d]
            below = [d["digest"] for d in doc.get("manifests") or []]
        except (ValueError, AttributeError, KeyError, TypeError):
            return error(400, "MANIFEST_INVALID", "no manifest")
        if not kind or doc.get("mediaType", kind) != kind:
            return error(400, "MANIFEST_INVALID", "Content-Type is not what the manifest says")
        missing = [d for d in parts if not self.store.has_blob(name, d)] + [d for d in below if not self.store.manifest(name, d)]
        if missing:
            return error(400, "MANIFEST_BLOB_UNKNOWN", f"{missing[0]} is not here")
        if ":" in reference and digest_of(data, reference.split(":")[0]) != reference:
            return error(400, "DIGEST_INVALID", "the manifest has another digest")
        digest = self.store.put_manifest(name, reference, data, kind)
        headers = {"Location": f"/v2/{name}/manifests/{digest}", "Docker-Content-Digest": digest}
        if doc.get("subject"):
            headers["OCI-Subject"] = doc["subject"]["digest"]
        return Reply(201, headers)

    def blobs(self, h, name, digest, _):
        if not DIGEST.match(digest):
            return error(400 if h.command != "DELETE" else 404, "DIGEST_INVALID", "no digest")
        if not self.store.has_blob(name, digest):
            return error(404, "BLOB_UNKNOWN", "blob unknown to registry")
        if h.command == "DELETE":
            self.store.drop(name, "_blobs", digest)
            return Reply(202)
        if h.command not in ("GET", "HEAD"):
            return error(405, "UNSUPPORTED", "not so")
        return self.bytes_of(h, digest, "application/octet-stream", ranges=True)

    def bytes_of(self, h, digest, kind, ranges=False):
        path = self.store.blob_path(digest)
        size = os.stat(path).st_size
        headers = {"Content-Type": kind, "Docker-Content-Digest": digest, "ETag": f'"{digest}"'}
        if not ranges:
            return Reply(200, headers, rf.Body(path=path, length=size))
        headers["Accept-Ranges"] = "bytes"
        m = re.match(r"bytes=(\d*)-(\d*)\Z", h.headers.get("Range") or "")
        if not m or m[0] == "bytes=-" or h.fault("no-range") or h.command == "HEAD":
            return Reply(200, headers, rf.Body(path=path, length=size))
        first, last = (int(m[1]), min(int(m[2] or size), size - 1)) if m[1] else (max(0, size - int(m[2])), size - 1)
        if m[1] and m[2] and int(m[2]) < int(m[1]):
            return Reply(200, headers, rf.Body(path=path, length=size))
        if first >= size:
            return error(416, "RANGE_INVALID", "outside of the blob", {"Content-Range": f"bytes */{size}"})
        headers["Content-Range"] = f"bytes {first}-{last}/{size}"
        return Reply(206, headers, rf.Body(path=path, start=first, length=last - first + 1))

    def uploads(self, h, name, ident, q):
        if not ident:
            return self.new_upload(h, name, q) if h.command == "POST" else error(405, "UNSUPPORTED", "not so")
        path = self.store.repo(name, "_uploads", ident)
        if not re.match(r"[0-9a-f-]{36}\Z", ident) or not os.path.exists(path):
            return error(404, "BLOB_UPLOAD_UNKNOWN", "no such upload")
        if h.command == "GET":
            return Reply(204, self.progress(name, ident))
        if h.command == "DELETE":
            os.unlink(path)
            return Reply(204)
        if h.command not in ("PATCH", "PUT"):
            return error(405, "UNSUPPORTED", "not so")
        self.append(h, name, ident)
        if h.command == "PATCH":
            return Reply(202, self.progress(name, ident))
        return self.complete(name, ident, q.get("digest", [""])[0])

    def progress(self, name, ident):
        n = os.stat(self.store.repo(name, "_uploads", ident)).st_size
        return {"Location": f"/v2/{name}/blobs/uploads/{ident}", "Range": f"0-{max(0, n - 1)}", "Docker-Upload-UUID": ident}

    def new_upload(self, h, name, q):
        mount, source = q.get("mount", [""])[0], q.get("from", [""])[0]
        if mount and source and not h.fault("no-mount") and DIGEST.match(mount) and re.fullmatch(NAME, source) \
                and self.store.has_blob(source, mount) \
                and not self.auth.check(h.headers.get("Authorization"), [("repository", source, ["pull"])]):
            self.store.link_blob(name, mount)
            return Reply(201, {"Location": f"/v2/{name}/blobs/{mount}", "Docker-Content-Digest": mount})
        ident = self.store.new_upload(name)
        if "digest" in q:
            self.append(h, name, ident)
            return self.complete(name, ident, q["digest"][0])
        return Reply(202, self.progress(name, ident))

    def append(self, h, name, ident):
        path = self.store.repo(name, "_uploads", ident)
        said = h.headers.get("Content-Range")
        if said:
            m = re.match(r"(?:bytes )?(\d+)-(\d+)", said)
            if not m or int(m[1]) != os.stat(path).st_size or (h.left and int(m[2]) - int(m[1]) + 1 != h.left):
                raise error(416, "RANGE_INVALID", "this is not where the upload goes on", self.progress(name, ident))
        with open(path, "ab", buffering=0) as f:
            for data in h.taken():
                f.write(data)

    def complete(self, name, ident, digest):
        path = self.store.repo(name, "_uploads", ident)
        if not DIGEST.match(digest) or digest_of_file(path, digest.split(":")[0]) != digest:
            return error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        self.store.take_blob(name, path, digest)
        return Reply(201, {"Location": f"/v2/{name}/blobs/{digest}", "Docker-Content-Digest": digest})


class Tcp(socketserver.ThreadingTCPServer):
    allow_reuse_address, daemon_threads, request_queue_size, tls = True, True, 128, None

    def handle_error(self, *_):
        if not isinstance(sys.exc_info()[1], OSError):  # clients that go away are what this is for
            super().handle_error(*_)


class Unix(socketserver.ThreadingUnixStreamServer):
    daemon_threads, request_queue_size, tls, handle_error = True, 128, None, Tcp.handle_error

    def get_request(self):
        return self.socket.accept()[0], ("unix", 0)


def options():
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--listen", default="127.0.0.1:0")
    p.add_argument("--unix")
    p.add_argument("--tls", nargs=2)
    p.add_argument("--client-ca")
    p.add_argument("--auth", choices=("none", "basic", "token"), default="none")
    p.add_argument("--user", action="append", default=[])
    p.add_argument("--anonymous")
    p.add_argument("--token-expires", type=lambda s: None if s == "none" else int(s), default=300)
    p.add_argument("--token-lives", type=float)
    p.add_argument("--realm")
    p.add_argument("--faults")
    p.add_argument("--page", type=int)
    return p.parse_args(sys.argv[2:])


def serve():
    o = options()
    auth = Auth(o.auth, o.user, o.anonymous, o.token_expires, o.token_lives)
    app = App(o.dir, auth, json.loads(read(o.faults)) if o.faults else ())
    app.page_max = o.page
    servers = [Unix(o.dir + "/control.sock", Handler)]
    if o.unix:
        servers.append(Unix(o.unix, Handler))
        name = "localhost"
    else:
        host, _, port = o.listen.rpartition(":")
        servers.append(Tcp((host, int(port)), Handler))
        name = f"{host}:{servers[1].server_address[1]}"
    if o.tls:
        servers[1].tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        servers[1].tls.load_cert_chain(*o.tls)
        if o.client_ca:
            servers[1].tls.verify_mode = ssl.CERT_REQUIRED
            servers[1].tls.load_verify_locations(o.client_ca)
    auth.realm = o.realm or f"{'https' if o.tls else 'http'}://{name}/token"
    for s in servers:
        s.app = app
        threading.Thread(target=s.serve_forever, daemon=True).start()
    with open(o.dir + "/ready.new", "w", encoding="ascii") as f:
        f.write(name + "\n")
    os.rename(o.dir + "/ready.new", o.dir + "/ready")
    signal.sigwait({signal.SIGTERM, signal.SIGINT})


def control(where, method, what, body=None):
    c = http.client.HTTPConnection("localhost")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.connect(where + "/control.sock")
    c.request(method, "/_control/" + what, body)
    r = c.getresponse()
    sys.stdout.write(r.read().decode())
    return 0 if r.status < 300 else 1


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
        serve()
    else:
        sys.exit(control(*sys.argv[2:]))
