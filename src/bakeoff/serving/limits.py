"""Limits of a server: images come from anyone who can reach it. No torch."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """The limits of a server."""

    image_bytes: int = 20 * 2**20
    """Bytes of the file of one image."""
    pixels: int = 64_000_000
    """Pixels of one image."""
    scans: int = 64
    """Scans of a progressive JPEG: each is decoded at full size, and a small file can have thousands."""
    held_bytes: int = 256 * 2**20
    """Bytes of all images that are being received or wait."""
    waiting: int = 128
    """Images that wait for the network; further ones get 429."""
    explanations: int = 4
    """Explanations that wait; they take far longer than predictions."""
    batch: int = 16
    """Images in a forward pass; on a CPU, larger batches of large images are slower per image."""
    connections: int = 256
    """Open connections; further ones get 429 and are closed."""
    head_seconds: float = 5.0
    """Time for the head of a request to arrive."""
    body_seconds: float = 15.0
    """Time for its image to arrive."""
    work_seconds: float = 60.0
    """Time for computing the answer."""
    idle_seconds: int = 10
    """How long a connection is kept for the next request."""
    goodbye_seconds: int = 10
    """Time for open requests to finish when the server is stopped."""
    head_bytes: int = 16 * 2**10

    @property
    def request_seconds(self) -> float:
        """Time for a whole request, including sending the answer: a client that does not read is cut off."""
        return self.body_seconds + self.work_seconds + self.idle_seconds
