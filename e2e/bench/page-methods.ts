// What the page says about each section: its heading, and how it was measured in two or three sentences.

import type { SectionName } from './section.ts'

/** `notes` are paragraphs below the table, such as why a bar is missed and what was tried. */
type Method = { readonly heading: string; readonly method: string; readonly notes?: readonly string[] }

export const methods: Readonly<Record<SectionName, Method>> = {
  propagation: {
    heading: 'Propagation',
    method:
      'With thousands of routes present, one route after another is created and asked for every 5 ms until its first 200, half of them for a Service that exists ' +
      'and half for a new one. Any answer that is neither 404 nor the route’s own is an error. The write, its watch event and the first answer are timed apart: the time ' +
      'before the event is the API server’s, the rest is ours.',
    notes: [
      'Where the time goes with two cores for everything, at the median: 10 ms are the API server’s, which is the whole bar. Of ours, a run takes 2 to 3 ms, and about one more passes before and ' +
        'after it; two calls stand between the run and the first 200 of such a route (its record, then its path), 3 to 5 ms each while two pods are written to at once; asking every 5 ms adds ' +
        'half of that. A new Service puts its servers in front: two more calls each. One call of the Data Plane API takes 1.4 to 1.7 ms if one follows the other, and 2.9 ms after a pause of ' +
        '20 ms or more, with upstream’s program (1.4 and 3.2) as with ours: 0.3 ms of processor time are the operator’s, 0.4 the API’s, 0.3 HAProxy’s, the rest goes into waking five processes ten times, for a ' +
        'POST asks HAProxy twice.',
      'Tried, with 200 routes, means for an existing and for a new Service: 28.5 and 49.5 ms at first; 24.6 and 36.5 ms when log lines wait for the work of the moment, errors are made only when there ' +
        'is one, and statuses wait 50 ms. Before that, memory says its generation after a quiet moment instead of after each change (three calls less for each pod), what requests wait for goes ' +
        'out before the mark, and files are written beside changes instead of between them. A program of the idle class on both cores, so that they never sleep: 9.8 → 8.0 ms for three calls to one pod; upstream’s ' +
        'program instead of ours: 13.6 → 14.0 ms for three calls to two pods. The next idea is to send all commands of a change as one line of HAProxy’s Runtime API over one kept connection with mutual TLS: ' +
        'four commands took 0.6 ms after a pause of 60 ms (0.06 ms one line after the other; 4.9 ms with a connection for each line).',
    ],
  },
  propagation_under_churn: {
    heading: 'Propagation under churn',
    method: 'The same while another process makes 50 changes a second to other routes of the same Gateway.',
    notes: [
      'Two cores are not enough for it here, by what the parts take alone: each change costs the API server about 10 ms, and as much again for the route’s status; the operator runs for the change and for ' +
        'the status that comes back, 2 to 3 ms each; four to five commands for each of two pods take 1.25 ms of processor time each. Together that is about 1.8 of 2 cores before the probes. What was tried is what ' +
        'propagation tells of, and paths of different hosts beside each other instead of one after the other. The next idea is the same: one line instead of a call for each command.',
    ],
  },
  change_cost: {
    heading: 'Cost of one change',
    method:
      'The operator’s rooms in one process, with a pod and an API server that take everything at once: what one change costs from the watch event to the ' +
      'list of run-time commands. Each number of routes has a process of its own; medians of many changes spread over the routes.',
    notes: [
      'A change computes the same number of things, 28 for a route, with 100 routes as with 40,000, and no step of a profile grows with them. With 100 routes all that is read stays in the processor’s caches from ' +
        'change to change; the rows with caches emptied show what is left of the difference when it does not.',
      'With ListenerSets, three steps still grow with the listeners of the port: the list of its certificates, the look-up of parents by listener, and the comparison of that list. They took 22.6 ms for a set ' +
        'added before trees replaced most copies. The next idea is a tree for the certificate list as well.',
    ],
  },
  attached_routes: {
    heading: 'Attached routes',
    method:
      'A thousand routes are attached to one Gateway at once and deleted again: how long until `attachedRoutes` in its status and the routes themselves say so, and ' +
      'how often the Gateway’s status was written meanwhile.',
  },
  route_change_under_load: {
    heading: 'Route change under load',
    method:
      'While requests go to one route without a pause, its backend changes twenty times, 200 ms apart. Every answer that is not 200 is an error.',
  },
  scale_5000: {
    heading: '5,000 routes',
    method:
      'Fifty namespaces with a hundred routes each, and changes to them: memory (proportional set size) and processor time of the operator and of the data plane’s pods, bytes that pods ' +
      'receive and send, and how many metric series they offer.',
  },
  listener_sets: {
    heading: 'ListenerSets',
    method:
      '250 ListenerSets at one Gateway with sixteen routes each on the cluster: how long until all are attached, and until one more route or set serves. 2,500 sets with 40,000 ' +
      'routes in the operator’s process alone: what one change costs there.',
  },
  throughput: {
    heading: 'Throughput',
    method:
      'The rendered configuration beside a hand-written `haproxy.cfg` for the same N hosts, with the same timeouts and backends: one ACL for one route, a map from host ' +
      'to backend for more. Both find a host in any case and with a port. Beside them other proxies, configured by hand. The proxy has one thread and a core of its ' +
      'own, the load generators (wrk, h2load) and the backend share the other; rounds of one second take turns, ratios are medians of the rounds’ ratios. ' +
      'HTTP/1.1 has 32 connections and goes round 500 hosts, HTTP/2 has 8 connections with 16 streams each and stays with one.',
    notes: [
      'Where the rest goes, in instructions of HAProxy itself for one request over a kept connection (counted with callgrind; the kernel’s part, which is the ' +
        'same for both, comes on top): 36,280 by hand and 39,600 by us with one route, 39,470 and 41,250 with 10,000. A configuration that forwards everything takes 35,070; of ' +
        'ours, the look-up of host and path takes 2,000 (host and path 960, the slash behind it 400, the map 600), keeping what was found in a variable 830, ' +
        'and choosing the backend by its name 1,200; asking whether there is a record 240.',
      'Tried to make it cheaper, one route, instructions saved: the variable with the scope of the request instead of the transaction: −20; no Lua loaded: 10; ' +
        'the other order of the two `use_backend` lines: 0; one `use_backend` line without a question for records: 240, but then every rule with filters needs a second ' +
        'variable; what was found in a capture slot instead of a variable: 360, for a limit on its length and a dearer way for every rule with filters; ' +
        '`http-reuse always`: 20; `balance random`: −270. The look-up in `use_backend` itself and no variable: 1,750, but only where no rule of the listener has filters, ' +
        'conditions or weights, and the first such rule would reload. The next idea is a converter that looks up host and path in one step, without copying them first.',
    ],
  },
  mixed_changes: {
    heading: 'Reloads in 10,000 mixed changes',
    method:
      'Routes, matches, filters, weights, endpoints, Services and certificates change 10,000 times while WebSockets and HTTP/2 streams stay open and ' +
      'requests go on: reloads, broken connections and failed requests are counted.',
  },
  failover: {
    heading: 'Failover',
    method:
      'One endpoint of four refuses connections for 22 s, twice, while each kind of rule is asked every 5 ms: errors in the worst of these windows. `attempts: 0`, which the ' +
      'CRDs of v1.6 do not admit, is asked of a HAProxy of this machine with what the operator renders for it.',
  },
  event_loop: {
    heading: 'Event loop',
    method:
      'The longest time for which the operator’s process does nothing else: at its start, when all objects are listed again, and when a change of the Gateway touches every route.',
    notes: [
      'Work is done in slices of 5 ms; before, the first run with 5,000 routes was one block of 907 ms, now the longest part of it is about 20 ms of processor time without a cluster. On the clock, a slice lasts ' +
        'as long as others have the processor: the largest block here is a thousand changes at once, when API server, etcd and pods want more than two cores. What is left in processor time is mostly the collection of ' +
        'garbage in weak maps. Tried: slices of 8 ms (start 19 to 24 ms of processor time, with 5 ms 18 to 27), a young generation of 4 MiB collected by one thread (the longest young collection 48 to 192 → 16 to 37 ms), ' +
        'lists in pages of 100 objects. The next idea is to keep results of derivations on the nodes of their trees instead of in weak maps.',
    ],
  },
  start: {
    heading: 'Start',
    method: 'From the start of the operator’s process to its first complete run, and the memory that it has then.',
  },
}
