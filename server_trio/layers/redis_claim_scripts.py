"""The Lua that takes messages off their channels. The keys are told in redis_scripts."""

from __future__ import annotations

from .redis_scripts import TAKEN, Script

#: What the journal keeps of a message, without what stands before it.
BODY_OF = """
local function body_of(kept)
    if not kept then
        return nil
    end
    local space = 0
    for _ = 1, 3 do
        space = string.find(kept, ' ', space + 1, true)
    end
    return string.sub(kept, space + 1)
end
"""

# Takes messages and hands them out, after acknowledging what the claimer has of its last claim.
# What is in the claimed list and was not acknowledged is handed out (again) first.
#
# With a journal the bodies move there, to stay until their operations are answered; without one they stay
# where they are until they are acknowledged.
#
# Of what BLMOVE has put into claimed lists beyond the wanted number, the rest goes back to its channel.
#
# A server that has been taken over claims nothing. One that Redis does not know it knows from now on.
#
# KEYS: the servers, the journal, the set of claimed lists,
#       then for each channel: the claimed list, the channel's list
# ARGV: most messages, bytes of bodies after which no further one is taken, TTL of the claimed list,
#       "<attempt> <time> " for the journal or '' to do without (as time an @ is Redis's own, from 6.2 on),
#       its TTL, its id,
#       until when its absence is loss or '' if it is new,
#       then for each channel: its name, the keys of the last message that arrived and
#       of what BLPOP took ('' if none)
# Returns {"<channel> <size> <channel> <size> …", bodies, the messages' keys a line each,
#       for each channel the last key of its claimed list}; {} if the journal has been taken over;
#       {the key, its type} if the journal or the set is something else.
CLAIM = Script(BODY_OF + TAKEN + """
local left, room, prefix = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[4]
if string.find(prefix, '@', 1, true) then
    local now = redis.call('time')
    prefix = string.gsub(prefix, '@', string.format('%s.%03d', now[1], math.floor(now[2] / 1000)))
end
local owner = redis.call('hget', KEYS[1], ARGV[6])
if owner then
    if string.sub(owner, 1, #ARGV[6] + 1) ~= ARGV[6] .. ' ' then
        return {}
    end
elseif ARGV[7] ~= '' and was_taken(KEYS[1], ARGV[6], ARGV[7]) then
    return {}
end
for i, wanted in pairs({[2] = 'hash', [3] = 'set'}) do
    local kind = redis.call('type', KEYS[i]).ok
    if kind ~= wanted and kind ~= 'none' then
        return {KEYS[i], kind}
    end
end
if not owner then
    redis.call('hset', KEYS[1], ARGV[6], ARGV[6] .. ' 0')
    redis.call('expire', KEYS[1], ARGV[5])
end
local frames, bodies, names, result = {}, {}, {}, {}
local entries, moved = {}, {}
local function take(channel, key)
    local start = string.sub(KEYS[2 * channel + 3], 1, -1 - #ARGV[5 + 3 * channel])
    local body = false
    if string.sub(key, 1, #start) == start and not string.find(key, '[^%w]', #start + 1) then
        body = redis.pcall('get', key)
        if type(body) == 'table' then
            body = false  -- the key of something else than a message
        end
    end
    if prefix ~= '' then
        if body then
            local size = #entries
            entries[size + 1], entries[size + 2] = key, prefix .. ARGV[5 + 3 * channel] .. ' ' .. body
            moved[#moved + 1] = key
        else  -- handed out before, in a reply that was lost
            body = body_of(redis.call('hget', KEYS[2], key))
        end
    end
    if body then
        frames[#frames + 1] = channel .. ' ' .. #body
        bodies[#bodies + 1] = body
        names[#names + 1] = key
        room = room - #body
    end
    left = left - 1
end
for c = 1, (#KEYS - 3) / 2 do
    local claimed, channel = KEYS[2 * c + 2], KEYS[2 * c + 3]
    local held = redis.call('lrange', claimed, 0, -1)
    local arrived, popped = ARGV[6 + 3 * c], ARGV[7 + 3 * c]
    local first = (held[1] == '') and 2 or 1
    local before = #held
    local rewrite = first == 1
    if arrived ~= '' then
        for i = #held, first, -1 do
            if held[i] == arrived then
                if prefix == '' then
                    redis.call('del', unpack(held, first, i))
                end
                first = i + 1
                rewrite = true
                break
            end
        end
    end
    local kept, back = {}, {}
    for i = first, #held do
        if held[i] == popped then
            popped = ''  -- this call is the repetition of one whose reply was lost
        end
        if left > 0 or redis.call('exists', held[i]) == 0 then  -- or else its body is in the journal already
            take(c, held[i])
            kept[#kept + 1] = held[i]
        else
            back[#back + 1] = held[i]
        end
    end
    if #back > 0 then
        for i = #back, 1, -1 do
            redis.call('lpush', channel, back[i])
        end
        if redis.call('ttl', channel) < 0 then
            redis.call('expire', channel, ARGV[3])
        end
        held, first, rewrite = kept, 1, true
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
    if redis.call('sadd', KEYS[3], claimed) == 1 then
        redis.call('expire', KEYS[3], ARGV[5])
    end
    result[c + 3] = (#held >= first) and held[#held] or ''
end
if #moved > 0 then
    redis.call('hset', KEYS[2], unpack(entries))
    redis.call('expire', KEYS[2], ARGV[5])
    redis.call('del', unpack(moved))
end
result[1], result[2] = table.concat(frames, ' '), table.concat(bodies)
result[3] = table.concat(names, '\\n')
return result
""")

# Ends a claimer's hold: what arrived is acknowledged, the rest goes back to the head of its channel.
#
# KEYS: the journal, the set of claimed lists, then for each channel: the claimed list, the channel's list
# ARGV: expiry, 1 if what arrived is in the journal or else '',
#       then for each channel: key of the last message that arrived ('' if none)
# Returns the number of messages given back.
GIVE_BACK = Script(BODY_OF + """
local total = 0
for c = 1, (#KEYS - 2) / 2 do
    local claimed, channel = KEYS[2 * c + 1], KEYS[2 * c + 2]
    local held = redis.call('lrange', claimed, 0, -1)
    local arrived = ARGV[2 + c]
    local first = (held[1] == '') and 2 or 1
    if arrived ~= '' then
        for i = #held, first, -1 do
            if held[i] == arrived then
                if ARGV[2] == '' then
                    redis.call('del', unpack(held, first, i))
                end
                first = i + 1
                break
            end
        end
    end
    for i = #held, first, -1 do
        local kept = redis.pcall('hget', KEYS[1], held[i])
        local body = type(kept) == 'string' and body_of(kept)
        if body then
            redis.call('set', held[i], body, 'EX', ARGV[1])
            redis.call('hdel', KEYS[1], held[i])
        end
        redis.call('lpush', channel, held[i])
        total = total + 1
    end
    if #held >= first then
        redis.call('expire', channel, ARGV[1] + 1)
    end
    redis.call('del', claimed)
    redis.pcall('srem', KEYS[2], claimed)
end
return total
""")
