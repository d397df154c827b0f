"""A small live server on asyncio and aiohttp: raw FLV in over TCP, HTTP-FLV out.

    aiohttp_flv.py PUSH_PORT PLAY_PORT

Streams are numbered by arrival; GET /N plays one: the FLV header, metadata and sequence headers first, then everything
from the next key frame on. Each stream keeps a ring of its last tags; a player that has fallen out of it goes on at the
newest tag. An unknown number is 404.
"""

import asyncio
import sys

from aiohttp import web

RING = 1000
FILE_HEADER = 13
TAG_HEADER = 11
SIZE_AFTER = 4
AUDIO, VIDEO = 8, 9


class Stream:
    """The last tags of one publisher, and those waiting for the next."""

    def __init__(self, header):
        self.opening = header
        self.tags = [None] * RING
        self.count = 0
        self.live = True
        self.changed = asyncio.Event()

    def append(self, tag, key):
        self.tags[self.count % RING] = (tag, key)
        self.count += 1
        self.wake()

    def wake(self):
        self.changed.set()
        self.changed = asyncio.Event()

    def end(self):
        self.live = False
        self.wake()


streams = []


async def publish(reader, writer):
    stream = None
    try:
        header = await reader.readexactly(FILE_HEADER)
        if header[:4] != b"FLV\x01":
            return
        stream = Stream(header)
        streams.append(stream)
        while True:
            head = await reader.readexactly(TAG_HEADER)
            body = await reader.readexactly(int.from_bytes(head[1:4], "big") + SIZE_AFTER)
            kind = head[0] & 31
            config = kind not in (AUDIO, VIDEO) or (body[1] == 0 and (kind == VIDEO or body[0] >> 4 == 10))
            if config and not stream.count:
                stream.opening += head + body
            else:
                stream.append(head + body, kind == VIDEO and body[0] >> 4 == 1)
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        if stream:
            stream.end()
        writer.close()


async def play(request):
    number = int(request.match_info["number"])
    if number >= len(streams) or not streams[number].live:
        return web.Response(status=404, text="no such stream\n")
    stream = streams[number]
    response = web.StreamResponse(headers={"Content-Type": "video/x-flv", "Cache-Control": "no-cache"})
    if request.version == (1, 1):
        response.enable_chunked_encoding()
    response.force_close()
    await response.prepare(request)
    at = stream.count
    try:
        await response.write(stream.opening)
        waiting = True
        while True:
            if at == stream.count:
                if not stream.live:
                    break
                await stream.changed.wait()
                continue
            if stream.count - at > RING:
                at = stream.count - 1
            tag, key = stream.tags[at % RING]
            at += 1
            waiting = waiting and not key
            if not waiting:
                await response.write(tag)
    except ConnectionError:
        pass
    return response


async def serve(push_port, play_port):
    app = web.Application()
    app.router.add_get(r"/{number:\d+}", play)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await asyncio.start_server(publish, "127.0.0.1", push_port)
    await web.TCPSite(runner, "127.0.0.1", play_port, backlog=4096).start()
    await asyncio.Event().wait()


asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
