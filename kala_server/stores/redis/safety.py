"""What must hold of a Redis in which everything acknowledged is kept, from what it says of itself. No I/O.

`appendfsync always` alone is not enough: Redis has then synced what it answers, as it writes its file before it sends
answers. But with `no-appendfsync-on-rewrite` it does not while it rewrites that file, and with a policy of eviction it
forgets keys as it needs memory.
"""

from collections.abc import Iterator, Mapping

Said = Mapping[str, str]

WANTED = "*fsync*"
"""The settings that only CONFIG GET tells."""


def not_yet(info: Said) -> str:
    """Return what it does before it can be relied on; nothing where it can, or never will."""
    if info.get("loading") == "1":
        return "still reads its files"
    if "1" in {info.get("aof_rewrite_in_progress"), info.get("aof_rewrite_scheduled")}:
        return "writes its file anew: where that is its first, or that of a replica, a crash would leave none"
    return ""


def dangers(info: Said, config: Said | None) -> Iterator[str]:
    """Yield each reason not to keep anything there, with what mends it; `config` is None where CONFIG is forbidden."""
    if (mode := info.get("redis_mode")) != "standalone":
        yield f"it runs as {mode}, and everything has to be in one Redis: name one that runs by itself"
    if info.get("role") != "master":
        yield "it is a replica, which takes nothing from us: name its master"
    if info.get("aof_enabled") != "1":
        yield _setting("appendonly", "yes", "what was acknowledged would be gone with its process")
    if config is None:
        yield (
            "it does not let us see whether appendfsync is always: let the user call CONFIG GET (ACL SETUSER USER "
            "+config|get); where nobody may, as with many that are rented, it cannot be used"
        )
    else:
        yield from _of_config(config)
    if info.get("maxmemory") != "0" and info.get("maxmemory_policy") != "noeviction":
        yield _setting("maxmemory-policy", "noeviction", "it would forget jobs to make room")
    if info.get("aof_last_write_status", "ok") != "ok":
        yield "its last write to its file failed: look at its log and at the room on its disk"


def _of_config(config: Said) -> Iterator[str]:
    if config.get("appendfsync") != "always":
        yield _setting("appendfsync", "always", "a power cut would take what was acknowledged")
    if config.get("no-appendfsync-on-rewrite") != "no":
        yield _setting("no-appendfsync-on-rewrite", "no", "it would not sync while it rewrites its file")


def _setting(name: str, value: str, why: str) -> str:
    return f"{name} is not {value}, so {why}: CONFIG SET {name} {value}, and the same in redis.conf"
