"""A layer at the signed address that the API gave out, with errors as Amazon S3 writes them."""

from __future__ import annotations

import sys
import traceback

from aiohttp import web

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.record import RECORD
from ecrlab.aws.tokens import signed
from ecrlab.oci import OciError, send_blob
from ecrlab.store import Blob


async def serve(cloud: Cloud, request: web.Request) -> web.StreamResponse:
    """Serve a layer to whoever has its signed address. Some clients send Authorization here too: it is ignored."""
    if request.method != "GET":
        return _storage_error(request, 405, "MethodNotAllowed", "The specified method is not allowed.")
    wrong = signed(cloud.secret, request.path, request.query_string)
    if wrong is not None:
        return _storage_error(request, 403, "AccessDenied", wrong)
    digest = request.path.rpartition("/")[2]
    path = cloud.store.blob_path(digest)
    try:
        return await send_blob(request, Blob(digest, path.stat().st_size, path, None))
    except FileNotFoundError:
        return _storage_error(request, 404, "NoSuchKey", "The specified key does not exist.")
    except OciError as error:
        return error.response()
    except OSError:
        if request.writer.output_size > 0:
            raise  # an answer has begun, and only a broken connection can say that it is not whole
        traceback.print_exc(file=sys.stderr)
        return _storage_error(request, 400, "InternalError", "ECR Lab could not read this layer; see its log.")


def _storage_error(request: web.Request, status: int, code: str, message: str) -> web.Response:
    """An error as Amazon S3 writes it: a layer's address is one of S3's at AWS."""
    request[RECORD].error = code
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")
