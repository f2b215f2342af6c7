-- Ends the lease of a node that stops. KEYS: the key of the node, the set of all ids. ARGV: id, process.

if redis.call('HGET', KEYS[1], 'process') == ARGV[2] then
  redis.call('DEL', KEYS[1])
  redis.call('SREM', KEYS[2], ARGV[1])
  return 1
end
return 0
