"""Objects in any S3-compatible store, through the MinIO client.

What an object is (type, name, hash, size) is kept in PostgreSQL: a store may lose user metadata.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error

from domain.errors import NotFound, ParleyError, Unavailable

T = TypeVar("T")


class ObjectStore:
    """A bucket.

    Args:
        endpoint: `http(s)://host:port`.
        access_key, secret_key: Credentials.
        bucket: Bucket name, made if it is missing.
        region: Given so that the client does not have to ask for it.
    """

    def __init__(
        self,
        endpoint: str,
        access_key: str,
        secret_key: str,
        bucket: str,
        region: str = "us-east-1",
    ) -> None:
        parts = urlsplit(endpoint)
        self.bucket = bucket
        self._client = Minio(
            parts.netloc,
            access_key=access_key,
            secret_key=secret_key,
            secure=parts.scheme == "https",
            region=region,
            http_client=urllib3.PoolManager(
                # Connections kept open: as many as calls go side by side in threads.
                maxsize=16,
                timeout=urllib3.Timeout(connect=3, read=30),
                retries=urllib3.Retry(
                    total=3, backoff_factor=0.1, status_forcelist=[502, 503, 504]
                ),
            ),
        )

    async def ensure_bucket(self) -> None:
        """Make the bucket unless it is there."""
        await self._run(self._ensure_bucket)

    async def put(self, key: str, data: bytes) -> None:
        """Write an object; the same key is overwritten as a whole or not at all."""
        await self._run(
            lambda: self._client.put_object(self.bucket, key, io.BytesIO(data), len(data))
        )

    async def get(self, key: str) -> bytes:
        """Return an object's bytes.

        Raises:
            NotFound: if there is none.
            Unavailable: if the store cannot be reached.
        """
        return await self._run(lambda: self._read(key))

    async def put_file(self, key: str, path: Path) -> None:
        """Upload a file."""
        await self._run(lambda: self._client.fput_object(self.bucket, key, str(path)))

    async def get_file(self, key: str, path: Path) -> None:
        """Download an object to a file."""
        await self._run(lambda: self._client.fget_object(self.bucket, key, str(path)))

    async def size(self, key: str) -> int:
        """Return how many bytes an object has.

        Raises:
            NotFound: if there is none.
        """
        return await self._run(lambda: int(self._client.stat_object(self.bucket, key).size or 0))

    async def keys(self, prefix: str) -> list[str]:
        """Return the keys below a prefix, sorted."""
        return await self._run(
            lambda: sorted(
                item.object_name
                for item in self._client.list_objects(self.bucket, prefix, recursive=True)
            )
        )

    async def ping(self) -> None:
        """Raise `Unavailable` unless the bucket is there."""
        if not await self._run(lambda: self._client.bucket_exists(self.bucket)):
            raise self._no_bucket()

    def _meant(self, error: S3Error | InvalidResponseError) -> ParleyError:
        # Some stores answer with text/xml, which the client does not read as S3 errors.
        code = str(error.code) if isinstance(error, S3Error) else str(error)
        if "NoSuchKey" in code or "NoSuchObject" in code:
            return NotFound("object_not_found", "That object is not in the store.")
        return self._no_bucket() if "NoSuchBucket" in code else _unavailable()

    def _no_bucket(self) -> Unavailable:
        return Unavailable(
            "bucket_missing",
            f"The bucket {self.bucket!r} does not exist; `parley db upgrade` makes it.",
        )

    def _ensure_bucket(self) -> None:
        if not self._client.bucket_exists(self.bucket):
            self._client.make_bucket(self.bucket)

    def _read(self, key: str) -> bytes:
        response = self._client.get_object(self.bucket, key)
        try:
            return bytes(response.read())
        finally:
            response.close()
            response.release_conn()

    async def _run(self, call: Callable[[], T]) -> T:
        try:
            return await asyncio.to_thread(call)
        except (S3Error, InvalidResponseError) as error:
            raise self._meant(error) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _unavailable() from error


def _unavailable() -> Unavailable:
    return Unavailable(
        "object_store_unavailable",
        "The object store cannot be reached; try again in a few seconds.",
    )
