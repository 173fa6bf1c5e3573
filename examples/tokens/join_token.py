"""Creates a join token, signed with HS256. Python 3.8 or newer, no dependencies.

    KEY_FILE=join-key KID=shop python3 join_token.py team-a/board ada 'Ada Lovelace'

KEY_FILE contains the secret, byte for byte as in the join key Secret. For EdDSA use a library such as PyJWT, with the same header and claims.
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def make_token(key, kid, meeting, identity, name, moderator=False, seconds=3600):
    now = int(time.time())
    header = {"alg": "HS256", "typ": "JWT", "kid": kid}
    claims = {"aud": "convene", "iat": now, "exp": now + seconds, "sub": identity, "name": name, "meeting": meeting, "moderator": moderator}
    message = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
    return (message + b"." + part(hmac.new(key, message, hashlib.sha256).digest())).decode()


if __name__ == "__main__":
    with open(os.environ["KEY_FILE"], "rb") as file:
        print(make_token(file.read(), os.environ["KID"], *sys.argv[1:4]))
