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

Nothing is ever only on the wire. A claim's bodies stay until the claimer's next call acknowledges
them, so a claim whose reply was lost is asked again and answers the same; a batch of sends whose
reply was lost finds its receipt and is not done twice.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

RECEIPT_TTL: Final = 60  # seconds; reconnecting is tried for less
CLAIMED_EXTRA_TTL: Final = 60  # seconds after the bodies themselves have expired

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


# The same effect as lua_chansend followed by lua_incrstatcounters (asgi_redis/core.py:528-549) for each
# message in turn. A counter that cannot be written must not make a sent message look unsent.
#
# KEYS: receipt, global messages_count, global channel_full_count,
#       then for each channel: its list, messages_count, channel_full_count, and its messages' keys
# ARGV: batch, expiry, TTL of the receipt, of channel counters, of global counters,
#       then for each channel: capacity, number of messages, and their bodies
# Returns "<batch> <outcomes>", one letter for each message in the order of the keys:
#       s sent, f full, x the channel's key holds something else.
SEND = Script("""
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
local outcomes = {ARGV[1] .. ' '}
local k, a = 4, 6
while k <= #KEYS do
    local channel, total = KEYS[k], tonumber(ARGV[a + 1])
    local length, room = redis.pcall('llen', channel), 0
    local refused = 'x'
    if type(length) == 'number' then
        room = math.max(0, math.min(total, math.ceil(tonumber(ARGV[a])) - length))
        refused = 'f'
        count(KEYS[k + 2], KEYS[3], total - room)
    end
    for i = 1, room do
        redis.call('set', KEYS[k + 2 + i], ARGV[a + 1 + i], 'EX', ARGV[2])
    end
    if room > 0 then
        redis.call('rpush', channel, unpack(KEYS, k + 3, k + 2 + room))
        redis.call('expire', channel, ARGV[2] + 1)
        count(KEYS[k + 1], KEYS[2], room)
    end
    outcomes[#outcomes + 1] = string.rep('s', room) .. string.rep(refused, total - room)
    k, a = k + 3 + total, a + 2 + total
end
local result = table.concat(outcomes)
redis.call('set', KEYS[1], result, 'EX', ARGV[3])
return result
""")

# Takes messages and hands them out, after acknowledging what the claimer has of its last claim.
# What is in the claimed list and was not acknowledged is handed out (again) first.
#
# KEYS: for each channel: the claimed list, the channel's list
# ARGV: most messages, bytes of bodies after which no further one is taken, TTL of the claimed list,
#       then for each channel: key of the last message that arrived, key that BLPOP took (each '' if none)
# Returns {"<channel> <size> <channel> <size> …", bodies, for each channel the last key of its claimed list}.
CLAIM = Script("""
local left, room = tonumber(ARGV[1]), tonumber(ARGV[2])
local frames, bodies, result = {}, {}, {}
local function take(channel, key)
    local body = redis.call('get', key)
    if body then
        frames[#frames + 1] = channel .. ' ' .. #body
        bodies[#bodies + 1] = body
        room = room - #body
    end
    left = left - 1
end
for c = 1, #KEYS / 2 do
    local claimed, channel = KEYS[2 * c - 1], KEYS[2 * c]
    local held = redis.call('lrange', claimed, 0, -1)
    local arrived, popped = ARGV[2 + 2 * c], ARGV[3 + 2 * c]
    local first = (held[1] == '') and 2 or 1
    local before = #held
    local rewrite = first == 1
    if arrived ~= '' then
        for i = #held, first, -1 do
            if held[i] == arrived then
                redis.call('del', unpack(held, first, i))
                first = i + 1
                rewrite = true
                break
            end
        end
    end
    for i = first, #held do
        if held[i] == popped then
            popped = ''  -- this call is the repetition of one whose reply was lost
        end
        take(c, held[i])
    end
    if popped ~= '' then
        held[#held + 1] = popped
        take(c, popped)
    end
    if left > 0 and room > 0 then
        local fresh, taken = redis.call('lrange', channel, 0, left - 1), 0
        while taken < #fresh and room > 0 do
            taken = taken + 1
            held[#held + 1] = fresh[taken]
            take(c, fresh[taken])
        end
        if taken > 0 then
            redis.call('ltrim', channel, taken, -1)
        end
    end
    if rewrite then
        redis.call('del', claimed)
        redis.call('rpush', claimed, '', unpack(held, first))
    elseif #held > before then
        redis.call('rpush', claimed, unpack(held, before + 1))
    end
    redis.call('expire', claimed, ARGV[3])
    result[c + 2] = (#held >= first) and held[#held] or ''
end
result[1], result[2] = table.concat(frames, ' '), table.concat(bodies)
return result
""")

# Ends a claimer's hold: what arrived is deleted, the rest goes back to the head of its channel, in order.
#
# KEYS: for each channel: the claimed list, the channel's list
# ARGV: TTL of a channel's list, then for each channel: key of the last message that arrived ('' if none)
# Returns the number of messages given back.
GIVE_BACK = Script("""
local total = 0
for c = 1, #KEYS / 2 do
    local claimed, channel = KEYS[2 * c - 1], KEYS[2 * c]
    local held = redis.call('lrange', claimed, 0, -1)
    local arrived = ARGV[1 + c]
    local first = (held[1] == '') and 2 or 1
    if arrived ~= '' then
        for i = #held, first, -1 do
            if held[i] == arrived then
                redis.call('del', unpack(held, first, i))
                first = i + 1
                break
            end
        end
    end
    for i = #held, first, -1 do
        redis.call('lpush', channel, held[i])
        total = total + 1
    end
    if #held >= first then
        redis.call('expire', channel, ARGV[1])
    end
    redis.call('del', claimed)
end
return total
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
