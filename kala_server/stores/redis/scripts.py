"""What Redis carries out for a store, each as a whole: a script looks who holds the store, and then changes something.

The keys: OWNER says who may add to the log and how far it goes, HOLDER that he is there (it goes by itself once nothing
is heard of him), LOG has a batch for each entry, SNAPSHOT what stands for the batches before those, NEW one that is
being written. Each script that changes the log is told who asks for it: a name that no two acquirings have, as epochs
begin anew where a Redis was emptied.

`turn` is raised when it is asked what became of a batch: one that is still on its way then comes too late.
"""

OWNER = "kala:owner"
HOLDER = "kala:holder"
LOG = "kala:log"
SNAPSHOT = "kala:snapshot"
NEW = "kala:snapshot:new"

FORMAT = 1

HELD = "held"
NEWER = "newer"
REFUSED = "refused"

ACQUIRE = """
local owner, holder, new = KEYS[1], KEYS[2], KEYS[3]
local who, lease, run, mark, format = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local known = redis.call('HMGET', owner, 'format', 'run', 'mark')
if known[1] and tonumber(known[1]) > tonumber(format) then return {'newer', known[1]} end
local other = redis.call('GET', holder)
if other then return {'held', other, redis.call('PTTL', holder)} end
if known[2] == run then mark = known[3] end
redis.call('SET', holder, who, 'PX', lease)
redis.call('DEL', new)
local epoch = redis.call('HINCRBY', owner, 'epoch', 1)
redis.call('HSET', owner, 'format', format, 'who', who, 'run', run, 'mark', mark, 'turn', 0)
redis.call('HSETNX', owner, 'number', 0)
redis.call('HSETNX', owner, 'snapshot', 0)
return {epoch, mark, tonumber(redis.call('HGET', owner, 'number'))}
"""
"""A mark is that of before only in the same life of the same Redis: a copy of its files is another one."""

_FENCE = """
local function refused()
  local known = redis.call('HMGET', KEYS[1], 'who', 'epoch', 'number')
  return {'refused', known[1] or '', known[2] or '', known[3] or ''}
end
if redis.call('HGET', KEYS[1], 'who') ~= ARGV[1] then return refused() end
"""

APPEND = (
    _FENCE
    + """
local known = redis.call('HMGET', KEYS[1], 'turn', 'number')
if known[1] ~= ARGV[2] or known[2] ~= ARGV[3] then return refused() end
redis.call('RPUSH', KEYS[2], ARGV[4])
return redis.call('HINCRBY', KEYS[1], 'number', 1)
"""
)

SETTLE = (
    _FENCE
    + """
return {redis.call('HINCRBY', KEYS[1], 'turn', 1), tonumber(redis.call('HGET', KEYS[1], 'number'))}
"""
)

RENEW = (
    _FENCE
    + """
if redis.call('PEXPIRE', KEYS[2], ARGV[2]) == 0 then redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2]) end
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[3] then redis.call('HSET', KEYS[1], 'run', ARGV[3]) end
return 1
"""
)
"""Where Redis was started again under a server that goes on, it is still the one whose mark the commands carry."""

RELEASE = _FENCE + "return redis.call('DEL', KEYS[2])"

BEGIN = (
    _FENCE
    + """
redis.call('DEL', KEYS[2])
return redis.call('HINCRBY', KEYS[1], 'compaction', 1)
"""
)

ADD = (
    _FENCE
    + """
if redis.call('HGET', KEYS[1], 'compaction') ~= ARGV[2] then return refused() end
if redis.call('LLEN', KEYS[2]) ~= tonumber(ARGV[3]) then return refused() end
return redis.call('RPUSH', KEYS[2], ARGV[4])
"""
)

CHANGE_OVER = (
    _FENCE
    + """
local log, snapshot, new = KEYS[2], KEYS[3], KEYS[4]
if redis.call('HGET', KEYS[1], 'compaction') ~= ARGV[2] then return refused() end
if redis.call('LLEN', new) ~= tonumber(ARGV[3]) then return refused() end
local gone = ARGV[4] - redis.call('HGET', KEYS[1], 'snapshot')
redis.call('DEL', snapshot)
if tonumber(ARGV[3]) > 0 then redis.call('RENAME', new, snapshot) end
redis.call('LTRIM', log, gone, -1)
redis.call('HSET', KEYS[1], 'snapshot', ARGV[4])
return 1
"""
)

LOOK = """
local known = redis.call('HMGET', KEYS[1], 'snapshot', 'number')
return {tonumber(known[1]), tonumber(known[2]), redis.call('LLEN', KEYS[2]), redis.call('LLEN', KEYS[3])}
"""
