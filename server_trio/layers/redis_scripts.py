"""The Lua that runs in Redis. Each script does a whole batch in one round trip.

Keys of the project (`asgi:` is its prefix, `asgi-meta:` its stats_prefix), as asgi_redis has them:

    asgi:<32 hex digits>           string   a message; TTL expiry
    asgi:<channel>                 list     keys of messages, oldest first; TTL expiry + 1 s from last push
    asgi::group:<group>            zset     channels by time of joining; TTL group_expiry
    asgi-meta:<channel>:<counter>  integer  messages_count, channel_full_count; TTL 3600 s
    asgi-meta:#global#:<counter>   integer  the same over all channels; TTL 86400 s

Keys of this bridge; a channel's name holds no colon, so none can be mistaken for these:

    asgi::claimed:<id>:<channel>   list     keys of messages that one claimer of one server has taken, oldest
                                            first, after an empty element that keeps list and TTL alive.
                                            Owner: the claimer. TTL expiry + 60 s from its last claim;
                                            deleted at the end.
    asgi::receipt:<id>             string   "<batch> <outcomes>" of the last batch that one sender has sent.
                                            Owner: the sender. TTL 60 s.
                                            Or "taken" by the id of a server that was taken over, when who
                                            did that has ended: it may only have stood still, and must not
                                            answer again. TTL 10 min.

Keys of the journal, see redis_journal; `id` names a server's process:

    asgi::servers                  hash     by id: "<owner> <number of its last heartbeat>". The owner is the
                                            id itself, or a name that was made when it was taken over.
                                            Deleted by entry at the end, or 10 minutes after what was taken
                                            over is done. Owner: all. TTL 1 h from the last heartbeat of any.
    asgi::journal:<id>             hash     by message key: "<attempt> <time of the claim> <channel> <body>",
                                            with an S before it once the answer has begun. An entry goes
                                            with the answer's end. Owner: it, or its taker. TTL 1 h from its
                                            last heartbeat.
    asgi::claims:<id>              set      the claimed lists of this server. TTL as the journal's, 60 s once
                                            it is taken over (see LOOK_AGAIN).
    asgi::dead                     list     operations that were given up, the newest first:
                                            "<id> <time> <reason> " and what the journal had.
                                            Owner: the operator. At most 1000; TTL 7 d from the last.
    asgi::news                     stream   what one server tells the others; about 1000. Owner: all
                                            servers. TTL 60 s from the last.
    asgi::report:<id>              string   what this server says of itself (reporting.py), as a message on a
                                            channel would be. Owner: that server. TTL 10 s.

Nothing is ever only on the wire. A claim's bodies stay until the claimer's next call acknowledges
them, so a claim whose reply was lost is asked again and answers the same; a batch of sends whose
reply was lost finds its receipt and is not done twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

RECEIPT_TTL: Final = 60  # seconds; reconnecting is tried for less
TAKEN_TTL: Final = 600  # seconds; who waits for an answer is gone by then
CLAIMED_EXTRA_TTL: Final = 60  # seconds after the bodies themselves have expired
JOURNAL_TTL: Final = 3600  # seconds after the last heartbeat; daphne waits for no answer that long

#: Most messages of one batch, claimed or sent. Lua's `unpack` fails near 8000; Redis stands still meanwhile.
MAX_BATCH: Final = 500


@dataclass(frozen=True)
class Script:
    """A Lua script and the name under which Redis remembers it."""

    text: str
    sha: str = field(init=False)

    def __post_init__(self) -> None:
        # SHA-1 because that is what EVALSHA takes.
        object.__setattr__(self, "sha", hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest())


#: Of servers that nobody owns any more: were they taken over, or has Redis lost all it had? Until some time
#: after it was known as the owner (Redis's clock, epoch seconds; 0: never) one would find its taker's note.
TAKEN = f"""
local function taken_key(servers, id)
    return string.gsub(servers, 'servers$', 'receipt:') .. id
end
local function was_taken(servers, id, until_time)
    if redis.call('exists', taken_key(servers, id)) == 1 then
        return true
    end
    if redis.replicate_commands then
        redis.replicate_commands()  -- Redis before 5 lets nobody write who knows the time
    end
    return tonumber(redis.call('time')[1]) > tonumber(until_time)
end
local function note_taken(servers, id)
    redis.call('set', taken_key(servers, id), 'taken', 'EX', {TAKEN_TTL})
end
"""

# The same effect as lua_chansend followed by lua_incrstatcounters (asgi_redis/core.py:528-549) for each
# message in turn. A counter that cannot be written must not make a sent message look unsent.
#
# What the journal has to know goes with the messages. A step belongs to one of them (and is done if that
# is sent) or to none. A message of an operation that another server has taken over is not sent.
#
# KEYS: receipt, global messages_count, global channel_full_count, the servers, the journals that are meant,
#       then for each channel: its list, messages_count, channel_full_count, and its messages' keys
# ARGV: batch, expiry, TTL of the receipt, of channel counters, of global counters, number of journals,
#       each one's "<id> <owner> <until when its absence is loss>", number of steps, the steps,
#       each "<kind> <journal> <message> <entry>" with kind b begun, o goes on, d done, journal and message
#       numbered from 1, message 0 for none,
#       then for each channel: capacity, number of messages, and their bodies
# Returns "<batch> <outcomes>", one letter for each message in the order of the keys:
#       s sent, f full, t taken over, x the channel's key holds something else.
SEND = Script(TAKEN + """
local receipt = redis.call('get', KEYS[1])
if receipt and string.sub(receipt, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then
    return receipt
end
local function count(channel_key, global_key, number)
    if number > 0 then
        redis.pcall('incrby', channel_key, number)
        redis.pcall('expire', channel_key, ARGV[4])
        redis.pcall('incrby', global_key, number)
        redis.pcall('expire', global_key, ARGV[5])
    end
end
local journals, taken, steps, done = tonumber(ARGV[6]), {}, {}, {}
for j = 1, journals do
    local id, mine, until_time = string.match(ARGV[6 + j], '^(%S+) (%S+) (%d+)$')
    local owner = redis.call('hget', KEYS[4], id)
    if owner then
        taken[j] = string.sub(owner, 1, #mine + 1) ~= mine .. ' '
    else
        taken[j] = was_taken(KEYS[4], id, until_time)
    end
    done[j] = {}
end
local function step(kind, j, entry)
    if kind == 'd' then
        table.insert(done[j], entry)
    elseif kind == 'b' then
        local kept = redis.pcall('hget', KEYS[4 + j], entry)  -- it may be somebody else's key by now
        if type(kept) == 'string' and string.sub(kept, 1, 1) ~= 'S' then
            redis.call('hset', KEYS[4 + j], entry, 'S' .. kept)
        end
    end
end
local a = 8 + journals
for i = a, a + tonumber(ARGV[a - 1]) - 1 do
    local kind, j, n, entry = string.match(ARGV[i], '^(%a) (%d+) (%d+) (.*)$')
    j, n = tonumber(j), tonumber(n)
    if n > 0 then
        steps[n] = {kind, j, entry}
    elseif not taken[j] then
        step(kind, j, entry)
    end
end
a = a + tonumber(ARGV[a - 1])
local outcomes, k, n = {ARGV[1] .. ' '}, 5 + journals, 0
while k <= #KEYS do
    local channel, total = KEYS[k], tonumber(ARGV[a + 1])
    local length, room, refused = redis.pcall('llen', channel), 0, 'x'
    if type(length) == 'number' then
        room, refused = math.ceil(tonumber(ARGV[a])) - length, 'f'
    end
    local sent, full = {}, 0
    for i = 1, total do
        n = n + 1
        local its = steps[n]
        if its and taken[its[2]] then
            outcomes[#outcomes + 1] = 't'
        elseif #sent < room then
            redis.call('set', KEYS[k + 2 + i], ARGV[a + 1 + i], 'EX', ARGV[2])
            sent[#sent + 1] = KEYS[k + 2 + i]
            outcomes[#outcomes + 1] = 's'
            if its then
                step(its[1], its[2], its[3])
            end
        else
            full = full + 1
            outcomes[#outcomes + 1] = refused
        end
    end
    if #sent > 0 then
        redis.call('rpush', channel, unpack(sent))
        redis.call('expire', channel, ARGV[2] + 1)
        count(KEYS[k + 1], KEYS[2], #sent)
    end
    if refused == 'f' then
        count(KEYS[k + 2], KEYS[3], full)
    end
    k, a = k + 3 + total, a + 2 + total
end
for j = 1, journals do
    if #done[j] > 0 then
        redis.pcall('hdel', KEYS[4 + j], unpack(done[j]))
    end
end
local result = table.concat(outcomes)
redis.call('set', KEYS[1], result, 'EX', ARGV[3])
return result
""")

# Makes a channel a member of a group. The group's own expiry is renewed, since everything in it at this
# point expires before (asgi_redis/core.py:295-302).
#
# KEYS: the group's zset. ARGV: the time now, the channel, group_expiry.
GROUP_ADD = Script("""
redis.call('zadd', KEYS[1], ARGV[1], ARGV[2])
redis.call('expire', KEYS[1], ARGV[3])
""")

# The members of a group, after removing those that joined too long ago (asgi_redis/core.py:319-331).
#
# KEYS: the group's zset. ARGV: the oldest score that is still a member's.
GROUP_MEMBERS = Script("""
redis.call('zremrangebyscore', KEYS[1], 0, ARGV[1])
return redis.call('zrange', KEYS[1], 0, -1)
""")
