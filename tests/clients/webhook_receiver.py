"""A receiver of webhooks that checks signatures with the `standardwebhooks` library of the scheme's authors.

usage: webhook_receiver.py SECRET STATUS[,STATUS…]

The first line on stdout is its address. Then one line of JSON a request: whether the signature is right, the id, the
message and the status that was answered: the statuses one after the other, the last one for ever; a wrong signature gets
401. Ends when its stdin is closed.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook, WebhookVerificationError

webhook = Webhook(sys.argv[1])
statuses = [int(status) for status in sys.argv[2].split(",")]
lock = threading.Lock()


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        told = {"id": self.headers["webhook-id"], "type": self.headers["content-type"]}
        try:
            told |= {"verified": True, "message": webhook.verify(body, dict(self.headers))}
        except WebhookVerificationError as error:
            told |= {"verified": False, "why": str(error)}
        with lock:
            if told["verified"]:
                told["status"] = statuses.pop(0) if len(statuses) > 1 else statuses[0]
            else:
                told["status"] = 401
            print(json.dumps(told), flush=True)
        self.send_response(told["status"])
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
threading.Thread(target=server.serve_forever, daemon=True).start()
print(f"http://127.0.0.1:{server.server_port}/hook", flush=True)
sys.stdin.read()
