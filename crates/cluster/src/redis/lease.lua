-- Renews the lease of a node, and lists all nodes. One call does both, so that the list is of the same moment.
--
-- KEYS: the key of the node, the set of all ids, the key of the epoch.
-- ARGV: id, process, incarnation, address, lease in milliseconds, an epoch for a Redis without data, the prefix of the keys of nodes, the id of the
-- database.
-- Returns: the state of the lease, the epoch with the id of the replication, the incarnation of another process with the id, the rest of its lease in milliseconds, and id, incarnation,
-- address and database of every node.

local epoch = redis.call('GET', KEYS[3])
if not epoch then
  epoch = ARGV[6]
  redis.call('SET', KEYS[3], epoch)
end

-- A replica that becomes the primary has the epoch, but may lack the last renewals. It takes another id then. A user without the right to ask gets none.
local info = redis.pcall('INFO', 'replication')
local replication = type(info) == 'string' and string.match(info, 'master_replid:(%x+)') or ''

local held = redis.call('HMGET', KEYS[1], 'process', 'incarnation')
local state, other, rest = 'missing', '', 0
if held[1] then
  if held[1] ~= ARGV[2] then
    state, other, rest = 'conflict', held[2] or '', redis.call('PTTL', KEYS[1])
  elseif held[2] == ARGV[3] then
    state = 'renewed'
  else
    state = 'replaced'
  end
end

if state ~= 'conflict' then
  redis.call('HSET', KEYS[1], 'process', ARGV[2], 'incarnation', ARGV[3], 'address', ARGV[4], 'database', ARGV[8])
  redis.call('PEXPIRE', KEYS[1], ARGV[5])
  redis.call('SADD', KEYS[2], ARGV[1])
end

local nodes = {}
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  local node = redis.call('HMGET', ARGV[7] .. id, 'incarnation', 'address', 'database')
  if node[1] and node[2] then
    table.insert(nodes, id)
    table.insert(nodes, node[1])
    table.insert(nodes, node[2])
    table.insert(nodes, node[3] or '')
  else
    redis.call('SREM', KEYS[2], id)
  end
end
return {state, epoch .. ':' .. replication, other, rest, nodes}
