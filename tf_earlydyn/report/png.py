"""What the bytes of a PNG file tell without decoding them."""

import struct

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def size(content: bytes) -> tuple[int, int]:
    """Width and height in pixels, after the signature and the first chunk's length and name.

    Raises:
        ValueError: if it is no PNG file.
    """
    if len(content) < 24 or not content.startswith(_SIGNATURE):
        raise ValueError("no PNG file")
    width, height = struct.unpack(">2I", content[16:24])
    return width, height
