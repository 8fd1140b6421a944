"""Who may do what at the tests' registry: nobody is asked, basic, or bearer tokens with a token endpoint of our own.

Sources: RFC 7235, 7617; "Token Authentication" (specification, scope, OAuth2) of the distribution project's documentation.
"""
import base64
import re
import secrets
import threading
import time
import urllib.parse

from registry_store import NAME

SCOPE = re.compile(rf"(repository|registry):({NAME}|catalog):([a-z,*]+)\Z")


class Auth:
    """`users` are NAME:PASSWORD[:ACTIONS], ACTIONS as in pull,push; `anonymous` a regex of what anybody may pull. Tokens say that they
    live `expires` seconds (None: they do not say), and do live `lives` seconds: a client that is told the truth asks in time."""

    def __init__(self, kind="none", users=(), anonymous=None, expires=300, lives=None, realm=None):
        self.kind, self.anonymous, self.expires, self.realm = kind, anonymous, expires, realm
        self.lives = lives if lives is not None else expires if expires is not None else 60
        self.users = {}
        for u in users:
            name, password, *actions = u.split(":")
            self.users[name] = (password, set((actions or ["pull,push,delete,*"])[0].split(",")))
        self.tokens, self.refresh, self.lock = {}, {}, threading.Lock()

    def basic_user(self, header):
        """The user's name; "" when there is no such header; None when name or password are wrong."""
        scheme, _, rest = (header or "").partition(" ")
        if scheme.lower() != "basic":
            return ""
        try:
            name, _, password = base64.b64decode(rest, validate=True).decode().partition(":")
        except ValueError:
            return None
        return name if self.users.get(name, (None,))[0] == password else None

    def may(self, user, scope):
        """The actions out of (type, name, actions) that this user has."""
        kind, name, actions = scope
        if user:
            return {a for a in actions if a in self.users[user][1]}
        return {"pull"} & set(actions) if self.anonymous and kind == "repository" and re.search(self.anonymous, name) else set()

    def check(self, header, scopes):
        """None when the request may go on, else (status, headers)."""
        if self.kind == "none":
            return None
        if self.kind == "basic":
            user = self.basic_user(header)
            if user is None or (not user and not (scopes and self.anonymous)):
                return 401, {"WWW-Authenticate": 'Basic realm="registry.test"'}
            short = [s for s in scopes if set(s[2]) - self.may(user, s)]
            return None if not short else (403, {}) if user else (401, {"WWW-Authenticate": 'Basic realm="registry.test"'})
        scheme, _, token = (header or "").partition(" ")
        error = ""
        if scheme.lower() == "bearer":
            with self.lock:
                granted, until = self.tokens.get(token, (None, 0))
            if granted is None or time.monotonic() >= until:
                error = ',error="invalid_token"'
            elif all(set(s[2]) <= granted.get(s[:2], set()) for s in scopes):
                return None
            else:
                error = ',error="insufficient_scope"'
        return 401, {"WWW-Authenticate": f'Bearer realm="{self.realm}",service="registry.test"{self.scope_words(scopes)}{error}'}

    @staticmethod
    def scope_words(scopes):
        words = " ".join(f"{kind}:{name}:{','.join(actions)}" for kind, name, actions in scopes)
        return f',scope="{words}"' if words else ""

    def grant(self, method, query, header, body):
        """The token endpoint: (status, document)."""
        fields = urllib.parse.parse_qs(body.decode("utf-8", "replace") if method == "POST" else query)
        one = lambda key: fields.get(key, [""])[0]  # noqa: E731
        user = self.basic_user(header)
        if method == "POST":
            if one("grant_type") == "password":
                user = one("username") if self.users.get(one("username"), (None,))[0] == one("password") else None
            elif one("grant_type") == "refresh_token":
                user = self.refresh.get(one("refresh_token"))
            else:
                return 400, {"error": "unsupported_grant_type"}
        if user is None or (not user and not self.anonymous):
            return 401, {"errors": [{"code": "UNAUTHORIZED", "message": "wrong name or password"}]}
        granted = {}
        for word in " ".join(fields.get("scope", [])).split():
            if not (m := SCOPE.match(word)):
                return 400, {"errors": [{"code": "DENIED", "message": f"bad scope {word}"}]}
            granted[m[1], m[2]] = self.may(user, (m[1], m[2], m[3].split(",")))
        token = secrets.token_urlsafe(24)
        with self.lock:
            self.tokens[token] = (granted, time.monotonic() + self.lives)
        out = {"token": token, "access_token": token, "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        if self.expires is not None:
            out["expires_in"] = self.expires
        if user and (one("offline_token") == "true" or one("access_type") == "offline" or one("grant_type") == "refresh_token"):
            out["refresh_token"] = secrets.token_urlsafe(24)
            self.refresh[out["refresh_token"]] = user
        return 200, out

    def revoke(self):
        with self.lock:
            self.tokens.clear()
