"""Makes keys and tokens with PyJWT and cryptography: `tokens.py FOLDER keys`, then `tokens.py FOLDER tokens`, which prints a
list of what it is, the status that it is to be answered with, and the token."""

import base64
import hashlib
import hmac
import json
import pathlib
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

import checks

ALGORITHMS = ("HS256", "RS256", "ES256", "EdDSA")
PUBLIC = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
PRIVATE = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
SECRET = "a secret of more than thirty-two bytes"


def keys(folder):
    folder = pathlib.Path(folder)
    (folder / "HS256.pub").write_text(SECRET + "\n")
    (folder / "HS256.key").write_text(SECRET)
    for algorithm, make in (
        ("RS256", lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        ("ES256", lambda: ec.generate_private_key(ec.SECP256R1())),
        ("EdDSA", ed25519.Ed25519PrivateKey.generate),
    ):
        key = make()
        (folder / f"{algorithm}.key").write_bytes(key.private_bytes(*PRIVATE))
        (folder / f"{algorithm}.pub").write_bytes(key.public_key().public_bytes(*PUBLIC))


def encode(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def tokens(folder):
    folder = pathlib.Path(folder)
    now = int(time.time())
    made = []
    for algorithm in ALGORITHMS:
        key = (folder / f"{algorithm}.key").read_text()
        good = {
            "iss": f"https://{algorithm}.example",
            "aud": "orders",
            "sub": "ada",
            "exp": now + 600,
            "iat": now,
            "scope": "orders:read orders:write",
            "tenant": "acme",
        }

        def add(what, status, claims=None, headers=None, key=key, algorithm=algorithm):
            claims = {name: value for name, value in {**good, **(claims or {})}.items() if value is not None}
            made.append((f"{algorithm}: {what}", status, jwt.encode(claims, key, algorithm, headers=headers)))

        add("as it should be", 200)
        add("for several, of whom we are one", 200, {"aud": ["other", "orders"]})
        add("an access token by its type", 200, headers={"typ": "at+jwt"})
        add("scopes as a list", 200, {"scope": None, "scp": ["orders:read", "orders:write"]})
        add("expired within the leeway", 200, {"exp": now - 5})
        add("no scope", 403, {"scope": None})
        add("another scope", 403, {"scope": "orders:reader"})
        add("expired", 401, {"exp": now - 600})
        add("without an end", 401, {"exp": None})
        add("not yet", 401, {"nbf": now + 600})
        add("for somebody else", 401, {"aud": "invoices"})
        add("for nobody", 401, {"aud": None})
        add("from somebody else", 401, {"iss": "https://evil.example"})
        add("about nobody", 401, {"sub": None})
        add("an identity token by its type", 401, headers={"typ": "id+jwt"})
        add("with a critical member", 401, headers={"crit": ["exp"], "exp": 1})
        token = jwt.encode(good, key, algorithm)
        head, body, signature = token.split(".")
        last = "A" if signature[0] != "A" else "B"
        for what, forged in (
            ("another signature", f"{head}.{body}.{last}{signature[1:]}"),
            ("no signature", f"{head}.{body}."),
            ("two parts", f"{head}.{body}"),
            ("four parts", f"{token}.x"),
            ("other claims under the signature", f"{head}.{encode({**good, 'sub': 'eve'})}.{signature}"),
            ("algorithm none", f"{encode({'alg': 'none', 'typ': 'JWT'})}.{body}."),
            ("algorithm None with the signature", f"{encode({'alg': 'None'})}.{body}.{signature}"),
            ("padding", f"{head}=.{body}.{signature}"),
            ("nothing", ""),
        ):
            made.append((f"{algorithm}: {what}", 401, forged))
        if algorithm != "HS256":
            # The public key as if it were a secret of HS256 (RFC 8725, section 2.1); PyJWT refuses to make this one.
            signed = f"{encode({'alg': 'HS256', 'typ': 'JWT'})}.{body}"
            public = (folder / f"{algorithm}.pub").read_bytes()
            forged = hmac.new(public, signed.encode(), hashlib.sha256).digest()
            made.append((f"{algorithm}: the public key as a secret", 401, f"{signed}.{encode(forged)}"))
    # Signed well, by another issuer's key.
    stranger = (folder / "RS256.key").read_text()
    claims = {"iss": "https://ES256.example", "aud": "orders", "sub": "ada", "exp": now + 600}
    made.append(("another issuer's key", 401, jwt.encode(claims, stranger, "RS256")))
    print(json.dumps(made))


if __name__ == "__main__":
    checks.run(__name__)
