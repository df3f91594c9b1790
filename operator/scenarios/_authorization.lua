-- The action `lua.authorize` asks the backends of the ids in field 16 of the record, one after the other, whether the request may go on.
-- An id is a key `@a.HASH` → backend|path prefix|request headers|response headers|bytes of the body. 200 means yes; then headers of the
-- answer become the request's. Any other answer becomes the response; no answer means no. HAProxy goes on after a failure in Lua, so
-- txn.may says that the request may; the rule behind this one refuses otherwise.
-- A body that it has to see is looked at so often, every 5 ms.
local looks_for_authorization = 2000
-- What the answer to a question says about itself and not about the request.
local of_answer = {
  ["connection"] = true, ["content-encoding"] = true, ["content-length"] = true, ["content-type"] = true, ["date"] = true,
  ["host"] = true, ["keep-alive"] = true, ["server"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
}

local own_headers, from_one = subrequests.own_headers, subrequests.from_one

local function decode(text)
  return (string.gsub(text, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function names_in(list)
  local names = {}
  for name in string.gmatch(list, "[^,]+") do names[#names + 1] = decode(name) end
  return names
end

local function fields_of(record)
  local fields = {}
  for field in string.gmatch(record .. "|", "([^|]*)|") do fields[#fields + 1] = field end
  return fields
end

-- What is refused carries no other CORS headers: the page may read why.
local function refuse(txn, fields, status, headers, body)
  local origin = txn.f:req_fhdr("origin")
  local allowed = fields[12] and origin and allowed_origin(fields[12] .. "\127" .. origin) or ""
  if allowed ~= "" then txn:set_var("txn.ao", allowed) end
  txn:done(txn:reply({ status = status, headers = headers, body = body }))
end

local function is_preflight(txn)
  return string.find(string.match(txn:get_var("txn.rt"), "^@f(%u*)"), "O", 1, true) and txn.f:method() == "OPTIONS"
    and txn.f:req_fhdr("origin") and txn.f:req_fhdr("access-control-request-method")
end

-- The answer, or nil and the status of the refusal.
local function ask(txn, id)
  local fields = fields_of(subrequests.entries:lookup(id) or "")
  if #fields < 5 then return nil, 500 end
  local url = txn.f:pathq()
  if not url then return nil, 400 end -- `OPTIONS *` and CONNECT have none
  local largest, body, fault = tonumber(fields[5]), "", nil
  if largest > 0 then body, fault = subrequests.whole_body(txn, largest, looks_for_authorization) end
  if not body then return nil, fault end
  local present, headers = txn.http:req_get_headers(), {}
  for _, name in ipairs({ "host", "authorization", table.unpack(names_in(fields[3])) }) do
    if present[name] and not own_headers[name] then headers[name] = from_one(present[name]) end
  end
  local method = txn.f:method()
  local asked = subrequests.question(id, method, fields[2] .. url, headers, body)
  local send = method == "HEAD" and "head" or "post"
  local ok, answer = pcall(function() local client = core.httpclient() return client[send](client, asked) end)
  if not ok or not answer or not answer.status or answer.status == 0 then return nil, 503 end
  return answer, nil, names_in(fields[4])
end

-- A name that the answer should have is never the client's.
local function take_over(txn, answer, names)
  local found = {}
  for name, values in pairs(answer.headers or {}) do found[string.lower(name)] = values end
  if #names == 0 then
    for name in pairs(found) do names[#names + 1] = name end
  end
  for _, name in ipairs(names) do
    if not of_answer[name] and not own_headers[name] then
      txn.http:req_del_header(name)
      for _, value in ipairs(from_one(found[name] or {})) do txn.http:req_add_header(name, value) end
    end
  end
end

local function answer_headers(answer)
  local headers = {}
  for name, values in pairs(answer.headers or {}) do
    if not own_headers[string.lower(name)] then headers[name] = from_one(values) end
  end
  return headers
end

core.register_action("authorize", { "http-req" }, function(txn)
  local record = fields_of(txn:get_var("txn.act") or "")
  if is_preflight(txn) then return txn:set_var("txn.may", true) end
  if not record[16] then return refuse(txn, record, 500) end
  for id in string.gmatch(record[16], "[^,]+") do
    local answer, status, names = ask(txn, id)
    if not answer then return refuse(txn, record, status) end
    if answer.status ~= 200 then return refuse(txn, record, answer.status, answer_headers(answer), answer.body) end
    take_over(txn, answer, names)
  end
  txn:set_var("txn.may", true)
end, 0)
