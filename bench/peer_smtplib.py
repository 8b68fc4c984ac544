"""Python's smtplib.LMTP.  peer_smtplib.py PORT COUNT SIZE"""

import resource
import smtplib
import sys
import time

FROM = "sender@example.org"
TO = "recipient@example.org"
LINE = b"abcdefghijklmnopqrstuvwxyz" * 3
WARM_UP = 20


def content(size):
    """Lines of 73 bytes, ended by LF, as the other programs have them."""
    line = LINE[:72] + b"\n"
    text = line * (size // 73)
    rest = size - len(text)
    return text + b"x" * (rest - 1) + b"\n" if rest else text


def send(lmtp, text, count):
    for _ in range(count):
        if lmtp.sendmail(FROM, [TO], text):
            raise SystemExit("refused")


def main():
    port, count, size = map(int, sys.argv[1:])
    text = content(size)
    lmtp = smtplib.LMTP("127.0.0.1", port, local_hostname="client", timeout=60)
    send(lmtp, text, WARM_UP)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = time.process_time(), time.perf_counter()
    send(lmtp, text, count)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(
        "count=%d seconds=%.6f cpu=%.6f before_kb=%d peak_kb=%d"
        % (count, wall, cpu, peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    )


main()
