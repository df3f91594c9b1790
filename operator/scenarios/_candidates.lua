-- Walks candidates until one holds. A candidate is an entry of candidates.map, its key an id `@l.HASH`:
--   then|else|test,test,…     then: a backend, a record or a split · else: any node; `@l.` is the next candidate
--   test = kind:name:operator:value, name and value percent-encoded
--   kind  m method · p path · h header (its last line) · q query parameter (its first)
--   operator  = equal · ~ regular expression (PCRE2) that must match the whole value
-- Input: id, method, path with query, and header lines, separated by DEL.
local records = Map.new("/gw/maps/candidates.map", Map._str)
local longest_walk = 20000
local most_remembered = 20000
-- A pattern that goes back more often than this does not match: one request must not hold up a thread for all the others.
local limit = "(*LIMIT_MATCH=100000)"

-- Ids are hashes of content: what is remembered is never wrong, only unused.
local remembered, count = {}, 0

local function decode(text)
  return (string.gsub(text, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function decode_query(text)
  return decode((string.gsub(text, "%+", " ")))
end

local function literally(text)
  return (string.gsub(text, "%W", "%%%0"))
end

-- A test is a function of the request's parts. A pattern that PCRE2 refuses never matches.
local function compile(text)
  local kind, name, operator, value = string.match(text, "^(%a):([^:]*):([=~]):(.*)$")
  name, value = decode(name), decode(value)
  local holds
  if operator == "=" then
    holds = function(actual) return actual == value end
  else
    local ok, regex = Regex.new(limit .. "^(?:" .. value .. ")\\z", true)
    if not ok then
      core.log(core.warning, "candidates.lua: a regular expression was refused and never matches")
      return function() return false end
    end
    holds = function(actual) return regex:match(actual) end
  end
  if kind == "m" then return function(method) return holds(method) end end
  if kind == "p" then return function(_, pathq) return holds((string.match(pathq, "^[^?]*"))) end end
  if kind == "h" then
    local pattern = ".*\n" .. literally(name) .. ": ?([^\r\n]*)"
    return function(_, _, headers)
      local actual = string.match(headers, pattern)
      return actual ~= nil and holds(actual)
    end
  end
  local pattern = "[?&;]" .. literally(name) .. "=([^&;]*)"
  return function(_, pathq)
    local actual = string.match(pathq, pattern)
    return actual ~= nil and holds(decode_query(actual))
  end
end

local function candidate(id)
  local known = remembered[id]
  if known then return known end
  local record = records:lookup(id)
  if not record then return nil end
  local hit, miss, texts = string.match(record, "^([^|]*)|([^|]*)|(.*)$")
  local tests = {}
  for text in string.gmatch(texts, "[^,]+") do tests[#tests + 1] = compile(text) end
  known = { hit = hit, miss = miss, tests = tests }
  if count >= most_remembered then remembered, count = {}, 0 end
  remembered[id], count = known, count + 1
  return known
end

local function all_hold(tests, method, pathq, headers)
  for i = 1, #tests do
    if not tests[i](method, pathq, headers) then return false end
  end
  return true
end

core.register_converters("candidates", function(request)
  local id, method, pathq, headers = string.match(request, "^([^\127]*)\127([^\127]*)\127([^\127]*)\127(.*)$")
  headers = "\n" .. headers
  for _ = 1, longest_walk do
    local known = candidate(id)
    if not known then return "respond-500" end
    id = all_hold(known.tests, method, pathq, headers) and known.hit or known.miss
    if string.sub(id, 1, 3) ~= "@l." then return id end
  end
  return "respond-500"
end)
