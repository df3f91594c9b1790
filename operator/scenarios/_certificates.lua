-- A certificate is DER (RFC 5280, X.690): elements of a tag, a length and a content, which may be elements again.

-- Tag, first and last byte of the content of the element at a position; nothing when it is not a whole element.
local function element(der, at)
  local tag, length = string.byte(der, at, at + 1)
  if not length then return nil end
  local first = at + 2
  if length > 127 then
    local digits = length - 128
    if digits < 1 or digits > 3 then return nil end
    length = 0
    for position = first, first + digits - 1 do
      local digit = string.byte(der, position)
      if not digit then return nil end
      length = length * 256 + digit
    end
    first = first + digits
  end
  local last = first + length - 1
  if last > #der then return nil end
  return tag, first, last
end

-- The elements inside a content, one after the other.
local function elements(der, first, last)
  return function()
    if not first or first > last then return nil end
    local tag, from, to = element(der, first)
    if not tag or to > last then return nil end
    first = to + 1
    return tag, from, to
  end
end

-- The content of the element at a position, when it has this tag.
local function content(der, at, wanted)
  if not at then return nil end
  local tag, first, last = element(der, at)
  if tag == wanted then return first, last end
end

local sequence, identifier, octets, extensions = 0x30, 0x06, 0x04, 0xa3
local hostname, uri = 0x82, 0x86
local subject_alt_name = "\x55\x1d\x11"

-- Where the names stand in the certificate: in the extension for them, of the signed part.
local function alternative_names(der)
  local signed = content(der, 1, sequence)
  for field, at in elements(der, content(der, signed, sequence)) do
    if field == extensions then
      for _, first, last in elements(der, content(der, at, sequence)) do
        local kind, value
        for tag, from, to in elements(der, first, last) do
          if tag == identifier then kind = string.sub(der, from, to) end
          if tag == octets then value = from end
        end
        if kind == subject_alt_name then return content(der, value, sequence) end
      end
    end
  end
end

local function names_of(der)
  local names = {}
  for tag, from, to in elements(der, alternative_names(der)) do
    local text = string.sub(der, from, to)
    if tag == hostname then names["h" .. string.lower(text)] = true end
    if tag == uri then names["u" .. text] = true end
  end
  return names
end

-- A certificate is looked at once, as long as there are not too many.
local remembered, count = {}, 0

-- A set of `h` and a hostname in lower case, or `u` and a URI. Also for names.lua, which shares the Lua state.
function names_in_certificate(der)
  if remembered[der] then return remembered[der] end
  if count >= 1000 then remembered, count = {}, 0 end
  remembered[der], count = names_of(der), count + 1
  return remembered[der]
end
