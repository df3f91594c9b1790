-- HAProxy verifies one hostname, the one it asks for. This looks at the subject alternative names themselves, hostnames and URIs.
-- Which ones stands in a map under the key behind `.n` in the server's name, as a letter and the name in hexadecimal, h for a hostname and u for a
-- URI, joined with colons. Keys are content: what is remembered is never wrong, and holds for servers that end while their key is gone already.

-- A wildcard in a certificate stands for one label.
local function has(names, kind, name)
  return names[kind .. name] or kind == "h" and names[(string.gsub(name, "^[^.]+%.", "h*.", 1))]
end

local lists = Map.new("/gw/maps/alt-names.map", Map._str)
local known, known_count = {}, 0

local function wanted_names(key)
  if known[key] then return known[key] end
  local list = lists:lookup(key)
  if not list then return nil end
  if known_count >= 1000 then known, known_count = {}, 0 end
  known[key], known_count = list, known_count + 1
  return list
end

-- Makes txn.named true; the rule behind this one rejects otherwise, so that no failure here lets a response through. Where requests are
-- known, the client gets a 502.
core.register_action("names", { "tcp-res" }, function(txn)
  local key = string.match(txn.f:srv_name() or "", "%.n(%x+)$")
  local wanted = key and wanted_names(key)
  local names = wanted and names_in_certificate(txn.f:ssl_s_der())
  for kind, digits in string.gmatch(wanted or "", "(%a)(%x+)") do
    local name = string.gsub(digits, "%x%x", function(pair) return string.char(tonumber(pair, 16)) end)
    if has(names, kind, name) then return txn:set_var("txn.named", true) end
  end
  if txn.http then txn:done(txn:reply({ status = 502 })) end
end, 0)
