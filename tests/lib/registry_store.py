"""Where the tests' registry keeps things: blobs by digest, once for all repositories; of each repository which blobs and manifests it
has and its tags, as files, so that a test can lay them there and look at them (or break them) without asking the server.

    ROOT/blobs/sha256/HEX               bytes
    ROOT/repos/NAME/_blobs/ALG:HEX      empty: this repository has the blob
    ROOT/repos/NAME/_manifests/ALG:HEX  the media type; the bytes are a blob
    ROOT/repos/NAME/_tags/TAG           the digest
    ROOT/repos/NAME/_uploads/ID         what came so far
"""
import hashlib
import json
import os
import re
import uuid

DIGEST = re.compile(r"(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})\Z")
NAME = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z")


def digest_of(data, alg="sha256"):
    return alg + ":" + hashlib.new(alg, data).hexdigest()


def digest_of_file(path, alg):
    h = hashlib.new(alg)
    with open(path, "rb") as f:
        while piece := f.read(1 << 20):
            h.update(piece)
    return alg + ":" + h.hexdigest()


def write(path, data):
    """Whole or not at all, whoever reads meanwhile."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    new = f"{path}.{uuid.uuid4().hex}"
    with open(new, "wb") as f:
        f.write(data)
    os.rename(new, path)


def read(path):
    try:
        with open(path, "rb") as f:
            return f.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


class Store:
    def __init__(self, root):
        self.root = root
        os.makedirs(root + "/blobs/sha256", exist_ok=True)
        os.makedirs(root + "/repos", exist_ok=True)

    def repo(self, name, *more):
        return "/".join((self.root, "repos", name) + more)

    def blob_path(self, digest):
        return self.root + "/blobs/" + digest.replace(":", "/")

    def has_repo(self, name):
        return os.path.isdir(self.repo(name))

    def has_blob(self, name, digest):
        return os.path.exists(self.repo(name, "_blobs", digest)) and os.path.exists(self.blob_path(digest))

    def link_blob(self, name, digest):
        write(self.repo(name, "_blobs", digest), b"")

    def put_blob(self, name, data, alg="sha256"):
        digest = digest_of(data, alg)
        write(self.blob_path(digest), data)
        self.link_blob(name, digest)
        return digest

    def take_blob(self, name, path, digest):
        os.makedirs(os.path.dirname(self.blob_path(digest)), exist_ok=True)
        os.rename(path, self.blob_path(digest))
        self.link_blob(name, digest)

    def drop(self, name, kind, what):
        """Whether it was there. The bytes stay: other repositories may have them."""
        try:
            os.unlink(self.repo(name, kind, what))
            return True
        except FileNotFoundError:
            return False

    def put_manifest(self, name, reference, data, media_type):
        alg = reference.split(":")[0] if ":" in reference else "sha256"
        digest = digest_of(data, alg)
        write(self.blob_path(digest), data)
        write(self.repo(name, "_manifests", digest), media_type.encode())
        if ":" not in reference:
            write(self.repo(name, "_tags", reference), digest.encode())
        return digest

    def manifest(self, name, reference):
        """(digest, media type) or None."""
        digest = reference
        if ":" not in reference:
            digest = (read(self.repo(name, "_tags", reference)) or b"").decode()
        kind = read(self.repo(name, "_manifests", digest)) if digest else None
        return (digest, kind.decode()) if kind is not None else None

    def drop_manifest(self, name, digest):
        for tag in self.tags(name):
            if (read(self.repo(name, "_tags", tag)) or b"").decode() == digest:
                self.drop(name, "_tags", tag)
        return self.drop(name, "_manifests", digest)

    def listing(self, name, kind):
        try:
            return sorted(f for f in os.listdir(self.repo(name, kind)) if not re.search(r"\.[0-9a-f]{32}\Z", f))
        except FileNotFoundError:
            return []

    def tags(self, name):
        return self.listing(name, "_tags")

    def repos(self):
        top = self.root + "/repos"
        found = [os.path.relpath(at, top) for at, dirs, _ in os.walk(top) if "_manifests" in dirs]
        return sorted(found)

    def referrers(self, name, subject):
        """Descriptors of the manifests that name `subject` (specification, "Listing Referrers")."""
        out = []
        for digest in self.listing(name, "_manifests"):
            data = read(self.blob_path(digest)) or b"{}"
            doc = json.loads(data)
            if (doc.get("subject") or {}).get("digest") != subject:
                continue
            media_type = self.manifest(name, digest)[1]
            d = {"mediaType": media_type, "digest": digest, "size": len(data)}
            kind = doc.get("artifactType") or (doc.get("config") or {}).get("mediaType")
            d.update({k: v for k, v in (("artifactType", kind), ("annotations", doc.get("annotations"))) if v})
            out.append(d)
        return out

    def new_upload(self, name):
        ident = str(uuid.uuid4())
        write(self.repo(name, "_uploads", ident), b"")
        return ident
