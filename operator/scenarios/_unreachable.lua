-- The fetch `lua.unreachable` is called when HAProxy answers 503 for a backend, and adds nothing to the answer. If a server took no
-- connection (S: refused, s: in time), it gets no more requests until a connection succeeds, which is tried a few times a second;
-- without it every retry, and every request without one, would find out for itself. The last server of a backend that gets requests
-- keeps them: its failure is as good an answer as any.
-- Its weight is what is changed: the operator says whether a server is ready or in maintenance, and neither must undo the other's word.
local shortest, longest = 250, 900
-- A route may leave its requests less time to connect than this; that it was too short says nothing against the server. Milliseconds.
local enough_time = 1000
-- Per thread. Each costs a connection a second, so there is an end to it: of more servers, requests find out for themselves.
local most_watched = 250

local watched, told = 0, 0

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
  local pause, server, others = shortest, nil, nil
  repeat
    core.msleep(pause)
    pause = math.min(2 * pause, longest)
    server, others = server_of(backend, name)
  until not server or others:get_srv_act() == 0 or takes_connections(server)
  if server then server:set_weight("100%") end
end

local function took_no_connection(txn)
  local state = txn.f:txn_sess_term_state()
  return state == "SC" or state == "sC" and txn.f:cur_connect_timeout() >= enough_time
end

-- For who reads the log of a pod; one line a second says enough.
local function tell(backend, name)
  local now = core.now().sec
  if now == told then return end
  told = now
  core.log(core.warning, "unreachable.lua: " .. backend .. "/" .. name .. " takes no connections, and gets no requests until it does")
end

local function spare(backend, name)
  local server, others = server_of(backend, name)
  if not server or server:get_weight() == 0 or others:get_srv_act() < 2 then return end
  server:set_weight("0%")
  -- Another thread may have taken the other one in this moment.
  if others:get_srv_act() == 0 then
    server:set_weight("100%")
    return
  end
  watched = watched + 1
  core.register_task(function()
    pcall(watch, backend, name)
    watched = watched - 1
  end)
  tell(backend, name)
end

core.register_fetches("unreachable", function(txn)
  local name = txn.f:srv_name()
  if name and watched < most_watched and took_no_connection(txn) then spare(txn.f:be_name(), name) end
  return ""
end)
