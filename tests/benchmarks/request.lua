-- Repeats one request; prints the measurements as one line of JSON.
function init(args)
  wrk.method = args[1]
  if args[2] then wrk.body = args[2] end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'bench {"requests": %d, "duration_us": %d, "p50_us": %d, "p99_us": %d, "max_us": %d, "error_statuses": %d, "socket_errors": %d}\n',
    summary.requests, summary.duration, latency:percentile(50), latency:percentile(99), latency.max,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
