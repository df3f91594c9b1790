-- The converter `lua.origin`. Input: a record's list of origins, DEL, the Origin header.
--   list  `*` any, answered with `*` · `=` any, answered with the origin · or scheme://host:port,… where a host may be `*` or begin with `*.`
-- Output: what Access-Control-Allow-Origin says; empty when the origin is not allowed.
local implied = { http = "80", https = "443" }
local most_remembered = 2000

-- Lists are content: what is remembered is never wrong, only unused.
local remembered, count = {}, 0

-- Lower case, with a port; nil for what is not an origin of a web page.
local function canonical(origin)
  local scheme, place = string.match(string.lower(origin), "^(https?)://([%w%-._%[%]:]+)$")
  if not scheme then return nil end
  if string.find(place, ":%d+$") then return scheme .. "://" .. place end
  return scheme .. "://" .. place .. ":" .. implied[scheme]
end

local function compile(list)
  local exact, patterns = {}, {}
  for entry in string.gmatch(list, "[^,]+") do
    local head, tail = string.match(entry, "^([^*]*)%*(.*)$")
    if head then patterns[#patterns + 1] = { head = head, tail = tail } else exact[entry] = true end
  end
  return { exact = exact, patterns = patterns }
end

local function compiled(list)
  local known = remembered[list]
  if known then return known end
  if count >= most_remembered then remembered, count = {}, 0 end
  known = compile(list)
  remembered[list], count = known, count + 1
  return known
end

local function begins_and_ends(text, head, tail)
  return #text > #head + #tail and string.sub(text, 1, #head) == head and string.sub(text, -#tail) == tail
end

-- Also for subrequests.lua, which shares the Lua state.
function allowed_origin(input)
  local list, origin = string.match(input, "^([^\127]*)\127(.*)$")
  if list == "*" then return "*" end
  if list == "=" then return origin end
  local known, wanted = compiled(list), canonical(origin)
  if not wanted then return "" end
  if known.exact[wanted] then return origin end
  for _, pattern in ipairs(known.patterns) do
    if begins_and_ends(wanted, pattern.head, pattern.tail) then return origin end
  end
  return ""
end

core.register_converters("origin", allowed_origin)
