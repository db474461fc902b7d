"""What a deployment and the functions agree on; the CDK app reads it too."""

from typing import Final

WAKE_UP: Final = "wake_up"  # key of an event that only keeps a function active, and shows that it starts
RELEASE_CHECK: Final = "release-check"  # sender of the test message of a release, to whom nothing is sent
