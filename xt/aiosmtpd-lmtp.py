"""aiosmtpd's LMTP server for a test: keeps nothing, prints each message as JSON. With a user and a password it wants AUTH."""

import asyncio
import base64
import json
import sys

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import AuthResult


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if address.startswith("refused"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        record = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "content": base64.b64encode(envelope.original_content).decode("ascii"),
        }
        print(json.dumps(record, sort_keys=True), flush=True)
        return "250 2.0.0 kept"


def authentication(user, password):
    def is_right(server, session, envelope, mechanism, data):
        right = (data.login.decode(), data.password.decode()) == (user, password)
        return AuthResult(success=right, handled=False)

    return {"authenticator": is_right, "auth_required": True, "auth_require_tls": False}


async def serve(port, *who):
    loop = asyncio.get_running_loop()
    options = authentication(*who) if who else {}
    server = await loop.create_server(lambda: LMTP(Handler(), **options), "127.0.0.1", port)
    await server.serve_forever()


asyncio.run(serve(int(sys.argv[1]), *sys.argv[2:]))
