-- The action `lua.backoff MILLISECONDS`, called when the answer of a server is one to retry after: HAProxy decides about that when it is done.
core.register_action("backoff", { "tcp-res" }, function(_, milliseconds)
  core.msleep(tonumber(milliseconds))
end, 1)
