"""A provider of OpenID Connect on this machine: `who` logs in there, and what a server asks is checked."""

import base64
import hashlib
import json
import secrets
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

KEY, SECRET = "posterior-lab", "the secret & of the lab"


@dataclass
class Provider:
    """Who is logged in there, what it has handed out, and what was wrong with a question."""

    address: str = ""
    who: dict = field(default_factory=dict)
    codes: dict = field(default_factory=dict)
    tokens: dict = field(default_factory=dict)
    wrong: list = field(default_factory=list)
    methods: tuple = ("client_secret_post",)

    def describe(self):
        paths = {
            "authorization_endpoint": "authorize",
            "token_endpoint": "token",
            "userinfo_endpoint": "user",
        }
        places = {name: f"{self.address}/{path}" for name, path in paths.items()}
        methods = {"token_endpoint_auth_methods_supported": list(self.methods)}
        return {"issuer": self.address, **places, **methods}

    def authorize(self, asked):
        """Where somebody who has logged in is sent."""
        code = secrets.token_urlsafe(16)
        self.codes[code] = (asked, dict(self.who))
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def exchange(self, given, authorization):
        """A token for a code, once."""
        asked, who = self.codes.pop(given["code"], ({}, None))
        hashed = hashlib.sha256(given["code_verifier"].encode()).digest()
        basic = "Basic " + base64.b64encode(b"posterior-lab:the%20secret%20%26%20of%20the%20lab").decode()
        is_ours = (
            authorization == basic
            if "client_secret_post" not in self.methods
            else (given["client_id"], given["client_secret"]) == (KEY, SECRET)
        )
        checks = {
            "secret": is_ours,
            "verifier": asked.get("code_challenge") == base64.urlsafe_b64encode(hashed).decode().rstrip("="),
            "redirect": asked.get("redirect_uri") == given["redirect_uri"],
        }
        if failed := [name for name, is_right in checks.items() if not is_right]:
            self.wrong += failed
            return None
        token = secrets.token_urlsafe(16)
        self.tokens[token] = who
        return {"access_token": token, "token_type": "Bearer", "id_token": "not.read.here"}


@contextmanager
def providing():
    """A `Provider` that answers until the end of the block."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802
            parts = urlsplit(self.path)
            asked = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            if parts.path == "/.well-known/openid-configuration":
                self.answer(provider.describe())
            elif parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(asked))
                self.end_headers()
            else:
                token = self.headers.get("Authorization", "").removeprefix("Bearer ")
                self.answer(provider.tokens.get(token))

        def do_POST(self):  # noqa: N802
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            given = {key: values[-1] for key, values in parse_qs(body).items()}
            self.answer(provider.exchange(given, self.headers.get("Authorization")))

        def answer(self, value):
            body = json.dumps(value or {"error": "invalid"}).encode()
            self.send_response(200 if value else 400)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        provider.address = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()
