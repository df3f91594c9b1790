-- The action `lua.mirror` sends a copy of the request, as it will be forwarded, to each of the mirrors in txn.mi (ids with commas between
-- them). An id is a key of subrequests.map: `@x.HASH` → backend|numerator|denominator. The copies come in by the frontend `subrequests`.
-- Nobody waits for them; a mirror that is slow, dead or flooded loses copies and nothing else happens.
-- Also for authorization.lua, which shares the Lua state.
subrequests = { entries = Map.new("/gw/maps/subrequests.map", Map._str) }
local socket = "unix@/gw/run/subrequests.sock"
-- Per thread. Every copy under way keeps its request in memory.
local most_under_way = 250
local patience_ms = 5000
-- Requests with larger bodies are not mirrored: a copy has to fit into one buffer.
local largest_body = 12000
-- A body of unknown length is waited for so many times so many milliseconds; what streams for longer is not mirrored.
local looks_at_copy, pause_ms = 20, 5

local under_way = 0

-- What belongs to the connection or to the way a message is framed.
subrequests.own_headers = {
  ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["http2-settings"] = true, ["keep-alive"] = true,
  ["proxy-connection"] = true, ["transfer-encoding"] = true, ["upgrade"] = true, ["x-haproxy-subrequest"] = true,
}

-- The whole body; or nil and why: it is longer than `largest` (413) or does not end within so many looks (408).
function subrequests.whole_body(txn, largest, looks)
  for _ = 1, looks do
    if (txn.f:req_body_len() or 0) > largest then return nil, 413 end
    if txn.f:internal_htx_has_eom() then return txn.f:req_body() or "" end
    if (txn.f:req_body_size() or 0) > largest then return nil, 413 end
    core.msleep(pause_ms)
  end
  return nil, 408
end

-- HAProxy counts values from zero.
function subrequests.from_one(values)
  local list = {}
  for i = 0, #values do list[#list + 1] = values[i] end
  return list
end

local function copied_headers(txn)
  local copied = {}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not subrequests.own_headers[name] then copied[name] = subrequests.from_one(values) end
  end
  return copied
end

-- What goes to the frontend `subrequests`.
function subrequests.question(id, method, url, headers, body)
  local absent = (headers["accept"] and "" or "a") .. (headers["user-agent"] and "" or "u")
  headers["x-haproxy-subrequest"] = { id .. ":" .. method .. ":" .. absent }
  local asked = { url = "http://127.0.0.1" .. url, headers = headers, dst = socket, timeout = patience_ms }
  if body ~= "" then asked.body = body end
  return asked
end

local function chosen(list)
  local ids = {}
  for id in string.gmatch(list, "[^,]+") do
    local numerator, denominator = string.match(subrequests.entries:lookup(id) or "", "^[^|]*|(%d+)|(%d+)$")
    if numerator and math.random() * denominator < tonumber(numerator) then ids[#ids + 1] = id end
  end
  return ids
end

local function send(copy)
  pcall(function() core.httpclient():post(copy) end)
  under_way = under_way - 1
end

core.register_action("mirror", { "http-req" }, function(txn)
  local ids = chosen(txn:get_var("txn.mi") or "")
  if #ids == 0 or under_way + #ids > most_under_way then return end
  local body = subrequests.whole_body(txn, largest_body, looks_at_copy)
  if not body then return end
  -- `OPTIONS *` and CONNECT have no path.
  local method, url = txn.f:method(), txn.f:pathq()
  if not url then return end
  for _, id in ipairs(ids) do
    under_way = under_way + 1
    core.register_task(send, subrequests.question(id, method, url, copied_headers(txn), body))
  end
end, 0)
