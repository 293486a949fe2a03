"""The Lua of the journal: heartbeats, taking over, dead letters. The keys are told in redis_scripts."""

from __future__ import annotations

from .redis_scripts import TAKEN, Script

#: What the claimed lists of a server that is taken over from have and the journal has not goes back.
GIVE_LISTS_BACK = """
local function give_lists_back(claims, expiry, prefix)
    local lists = redis.pcall('smembers', claims)
    for _, claimed in ipairs(lists) do  -- of an error nothing
        local channel = prefix .. string.match(claimed, '([^:]*)$')
        local held = redis.pcall('lrange', claimed, 0, -1)
        if not held.err then  -- else somebody else's key
            for i = #held, 1, -1 do
                if redis.call('exists', held[i]) == 1 then
                    redis.pcall('lpush', channel, held[i])
                    redis.call('expire', channel, expiry + 1)
                end
            end
            redis.call('del', claimed)
        end
    end
end
"""

# A heartbeat: says that this server lives, for itself and for those it has taken over from.
#
# KEYS: the servers, then for each id: its journal, its set of claimed lists
# ARGV: the number of this heartbeat, TTL, 1 at the end or else '',
#       then "<id> <owner> <until when its absence is loss, or - if it is new>" of each, this server's own
#       first, before it an f where it may be forgotten once it is done, else a k
# Returns {all servers as HGETALL has them, for each id: t taken over by another, d done, o owned; the time
# by Redis's clock, epoch seconds}.
# An id that was taken over is done when its journal is empty; the owner's own only at the end.
BEAT = Script(TAKEN + """
local function is_empty(journal)
    local length = redis.pcall('hlen', journal)
    return type(length) == 'table' or length == 0  -- a table: an error, somebody else's key
end
local states = {}
for i = 4, #ARGV do
    local kind, id, owner, until_time = string.match(ARGV[i], '^(%a)(%S+) (%S+) (%S+)$')
    local journal, claims = KEYS[2 * i - 6], KEYS[2 * i - 5]
    local mark = owner .. ' ' .. ARGV[1]
    local value = redis.call('hget', KEYS[1], id)
    if value and string.sub(value, 1, #owner + 1) ~= owner .. ' ' then
        states[i - 3] = 't'
    elseif not value and until_time ~= '-' and was_taken(KEYS[1], id, until_time) then
        states[i - 3] = 't'  -- and all that it had is done
    elseif (i > 4 or ARGV[3] == '1') and is_empty(journal) then
        if ARGV[3] == '1' or kind == 'f' then
            redis.call('hdel', KEYS[1], id)
            if i > 4 then
                note_taken(KEYS[1], id)
            else
                redis.call('del', claims)
            end
        else
            redis.call('hset', KEYS[1], id, mark)
        end
        states[i - 3] = 'd'
    else
        redis.call('hset', KEYS[1], id, mark)
        redis.call('expire', journal, ARGV[2])
        if i == 4 then
            redis.call('expire', claims, ARGV[2])
        end
        states[i - 3] = 'o'
    end
end
redis.call('expire', KEYS[1], ARGV[2])
return {redis.call('hgetall', KEYS[1]), table.concat(states), tonumber(redis.call('time')[1])}
""")

# Takes over from a server whose heartbeat has stopped; of several that try, one does.
#
# KEYS: the servers, its journal, its set of claimed lists
# ARGV: its id, the heartbeat that was its last, the new owner, expiry, the prefix of channels,
#       the TTL of the set of claimed lists from now on
# Returns {1 if it is taken over or else 0, the entries of the journal}. One that had nothing in its journal
# is forgotten at once, with a note for itself.
TAKE_OVER = Script(TAKEN + GIVE_LISTS_BACK + """
if redis.call('hget', KEYS[1], ARGV[1]) ~= ARGV[2] then
    return {0, {}}
end
redis.call('hset', KEYS[1], ARGV[1], ARGV[3] .. ' 0')
give_lists_back(KEYS[3], ARGV[4], ARGV[5])
redis.call('expire', KEYS[3], ARGV[6])
local entries = redis.pcall('hkeys', KEYS[2])
if entries.err or #entries == 0 then  -- or somebody else's key
    redis.call('hdel', KEYS[1], ARGV[1])
    note_taken(KEYS[1], ARGV[1])
    return {1, {}}
end
return {1, entries}
""")

# Looks again into the claimed lists of those that were taken over from: a blocked command, which outlives who
# gave it, may have moved a message there since.
#
# KEYS: their sets of claimed lists. ARGV: expiry, the prefix of channels, for each 1 at the last time or ''
LOOK_AGAIN = Script(GIVE_LISTS_BACK + """
for n, claims in ipairs(KEYS) do
    give_lists_back(claims, ARGV[1], ARGV[2])
    if ARGV[2 + n] == '1' then
        redis.call('del', claims)
    end
end
return 0
""")

# Writes entries anew that are handed out once more, if they are still there and still the owner's.
#
# KEYS: the servers, the journal. ARGV: its id, the owner, then each entry and what it is from now on
# Returns 1 if the journal is the owner's, else 0.
NOTE = Script("""
local value = redis.call('hget', KEYS[1], ARGV[1])
if not value or string.sub(value, 1, #ARGV[2] + 1) ~= ARGV[2] .. ' ' then
    return 0
end
for i = 3, #ARGV, 2 do
    if redis.call('hexists', KEYS[2], ARGV[i]) == 1 then
        redis.call('hset', KEYS[2], ARGV[i], ARGV[i + 1])
    end
end
return 1
""")

# Moves an entry of a journal to the dead letters.
#
# KEYS: the journal, the dead letters, the servers.
# ARGV: the entry, what stands before it there, most letters, TTL, the journal's id, its owner
BURY = Script("""
local kept = redis.call('hget', KEYS[1], ARGV[1])
local owner = redis.call('hget', KEYS[3], ARGV[5])
if kept and (not owner or string.sub(owner, 1, #ARGV[6] + 1) == ARGV[6] .. ' ') then
    redis.call('hdel', KEYS[1], ARGV[1])
    redis.call('lpush', KEYS[2], ARGV[2] .. kept)
    redis.call('ltrim', KEYS[2], 0, ARGV[3] - 1)
    redis.call('expire', KEYS[2], ARGV[4])
end
return 0
""")

# Takes a dead letter away.
#
# KEYS: the dead letters. ARGV: the id
# Returns 1 if it was there, else 0.
DROP = Script("""
for _, letter in ipairs(redis.call('lrange', KEYS[1], 0, -1)) do
    if string.sub(letter, 1, #ARGV[1] + 1) == ARGV[1] .. ' ' then
        redis.call('lrem', KEYS[1], 1, letter)
        return 1
    end
end
return 0
""")
