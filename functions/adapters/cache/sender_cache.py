"""What the cache holds of a sender: the person, the position of their last write, and whether the office has them."""

from typing import Final

from redis.cluster import RedisCluster

from functions.adapters.cache.redis_client import HARD_LIFE, RedisClient, key, pack, pipeline
from functions.domain.deliveries import HANDED_TO_OFFICE_TIME

PERSON_LIFE: Final = 3600  # soft lives, seconds
STRANGER_LIFE: Final = 60  # the office may be adding the number at this moment
WAL_LIFE: Final = 60  # seconds for which a person's last write must be seen by their own reads
HANDED_TO_OFFICE_LIFE: Final = int(HANDED_TO_OFFICE_TIME.total_seconds())


class SenderCache:
    """Keys are the sender: BSUID, or phone number where there is none."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    def store_person(self, sender: str, person: object) -> None:
        self._redis.run(lambda cluster: cluster.set(key("person", sender), pack(person), ex=HARD_LIFE), None)

    def forget_person(self, *senders: str, min_wal: str | None = None) -> None:
        """Look these people up anew: something about them has changed, up to the WAL position `min_wal`.

        What they said before is forgotten: it may be about children who are not theirs.
        """

        def forget(cluster: RedisCluster) -> None:
            pipe = pipeline(cluster)
            for sender in filter(None, senders):
                pipe.delete(key("person", sender))
                pipe.delete(key("turns", sender))
                if min_wal:
                    pipe.set(key("written", sender), min_wal, ex=WAL_LIFE)
            if min_wal:
                pipe.set(key("wal"), min_wal, ex=HARD_LIFE)
            pipe.execute()

        if any(senders):
            self._redis.run(forget, None)

    def require_wal(self, sender: str, position: str) -> None:
        """This sender's next reads must see the database at least at this WAL position.

        The latest position of all is kept too: a replica that has not replayed it is behind, however long ago the
        sender's own last write was, and however long the primary has had no writes.
        """

        def write(cluster: RedisCluster) -> None:
            pipe = pipeline(cluster)
            pipe.set(key("written", sender), position, ex=WAL_LIFE)
            pipe.set(key("wal"), position, ex=HARD_LIFE)
            pipe.execute()

        self._redis.run(write, None)

    def set_handed_to_office(self, *senders: str, handed: bool, seconds: int = HANDED_TO_OFFICE_LIFE) -> None:
        """The office has the conversation of these keys of one person for so many seconds, or has given it back.

        Nothing of it is remembered meanwhile.
        """

        def write(cluster: RedisCluster) -> None:
            pipe = pipeline(cluster)
            for sender in senders:
                if handed:
                    pipe.set(key("quiet", sender), "1", ex=seconds)
                    pipe.delete(key("turns", sender))
                else:
                    pipe.delete(key("quiet", sender))
            pipe.execute()

        self._redis.run(write, None)
