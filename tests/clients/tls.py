"""HTTPS of `allo serve`: ADDRESS CERTIFICATE. The certificate is its own authority."""

import ssl
import sys

import httpx

address, certificate = sys.argv[1:]
trusting = ssl.create_default_context(cafile=certificate)
answer = httpx.get(f"{address}/healthz", verify=trusting)
assert answer.status_code == 200 and answer.json()["status"] == "ok", answer
for wrong in (lambda: httpx.get(f"{address}/healthz"), lambda: httpx.get(address.replace("https", "http"))):
    try:
        wrong()
        raise AssertionError("an untrusted or unencrypted connection was made")
    except httpx.TransportError:
        pass
print("ok")
