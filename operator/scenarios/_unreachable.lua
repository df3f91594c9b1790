-- The fetch `lua.unreachable` is called when a request failed because its server took no connection. The server gets no more requests
-- until a connection succeeds, which is tried a few times a second; without it every retry, and every request without one, would find out
-- for itself. The last server of a backend that gets requests keeps them: its failure is as good an answer as any.
-- Its weight is what is changed: the operator says whether a server is ready or in maintenance, and neither must undo the other's word.
local shortest, longest = 250, 900

local function server_of(backend, name)
  local found = core.backends[backend]
  return found and found.servers[name], found
end

-- A failure of the attempt itself says nothing against the server.
local function takes_connections(server)
  local ok, connected = pcall(function()
    local socket = core.tcp()
    socket:settimeout(1)
    local connected = socket:connect(server:get_addr())
    socket:close()
    return connected
  end)
  return not ok or connected
end

local function watch(backend, name)
  local pause, server = shortest, nil
  repeat
    core.msleep(pause)
    pause = math.min(2 * pause, longest)
    server = server_of(backend, name)
  until not server or takes_connections(server)
  if server then server:set_weight("100%") end
end

core.register_fetches("unreachable", function(txn)
  local backend, name = txn.f:be_name(), txn.f:srv_name()
  local server, others = server_of(backend, name)
  if not server or server:get_weight() == 0 or others:get_srv_act() < 2 then return false end
  server:set_weight("0%")
  core.register_task(function() watch(backend, name) end)
  return true
end)
