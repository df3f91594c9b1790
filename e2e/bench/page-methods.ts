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
      'Where the time goes with two cores for everything: 8 ms at the median and 10 in the mean are the API server’s, which is the whole bar. Of ours, 7 to 8 ms for a Service that is there and 10 for a new ' +
        'one at the median: a run takes 1 to 2 ms, and about one more passes before and after it; each step of a change (servers, records, paths, hosts) is one line of the Runtime API to each of two pods, about ' +
        '1 ms; asking every 5 ms adds half of that, and the way through the Service’s address one more. The slowest are those that wait for a processor: for files of 5,000 routes that follow in two pods, for the state Secret, and for a ' +
        'full collection of garbage.',
      'Tried, with 200 routes, means for an existing and for a new Service: 28.5 and 49.5 ms at first; 24.6 and 36.5 ms when log lines wait for the work of the moment, errors are made only when there ' +
        'is one, and statuses wait 50 ms; 20.6 and 29.3 ms with the Runtime API, which makes of 8 to 12 ms for the commands of a change 1 to 3. With 5,000 routes the last step made 27.7 and 50.5 ms 18 and 21 to 23. ' +
        'Before that, memory says its generation after a quiet moment instead of after each change (three calls less for each pod), what requests wait for goes ' +
        'out before the mark, and files are written beside changes instead of between them. A program of the idle class on both cores, so that they never sleep: 9.8 → 8.0 ms for three calls to one pod; upstream’s ' +
        'program instead of ours: 13.6 → 14.0 ms for three calls to two pods. One call of the Data Plane API takes 1.4 to 1.7 ms if one follows the other, and 2.9 ms after a pause of 20 ms or more, most of it for waking ' +
        'five processes ten times; one line of the Runtime API on a kept connection 0.06 and 0.6 ms (4.9 ms with a connection for each).',
      'The next idea is to send all steps of a change as one line: they are apart so that nothing is published before HAProxy has taken what it leads to, and HAProxy cannot be told to stop at the first refusal. Each would save about a ' +
        'millisecond, a new Service three.',
    ],
  },
  propagation_under_churn: {
    heading: 'Propagation under churn',
    method: 'The same while another process makes 50 changes a second to other routes of the same Gateway.',
    notes: [
      'Two cores are not enough for it here, by what the parts take alone: each change costs the API server about 10 ms, and as much again for the route’s status; the operator takes 5 ms ' +
        'for all of it. That is more than one of two cores before HAProxy, the probes and the files that follow: at the median it is still near the bar, and what is slow waits for a processor.',
      'Tried, means for a Service that is there and a new one: 367 and 300 ms with the Data Plane API, where four to five commands for each of two pods took 1.25 ms of processor time each; 47 and 66 ms with the Runtime API, with ' +
        'routes’ statuses one at a time unless they are late (while eight at once were written, a creation took 18 ms to its watch event, 14 with one, 10 with none), and with statuses that come back in one run instead of one each; ' +
        'and in two more runs 62 and 70, 41 and 56 ms, in which files take a tenth of the time at most, so they are not the cause. The cause is processors: in 30 s the operator’s thread ran for 6.7 s and stood ready without one for 6.9 s, ' +
        'in the slowest 200 ms for 192 of them (Linux’s schedstat); pods share the weight of their requests, 100m each, with an API server that has all of its own. The next idea is to measure with cores of its own for the API server; in the operator, to leave out the ' +
        'run for a status that came back.',
      'Of the operator’s time for a change, by a profile without other load: a third for the run (0.3 ms in a loop that is warm; beside everything else, with cold caches, 2 ms), an eighth for garbage, an eighth for the API ' +
        'server’s two events and the write of the status, a tenth for system calls of its connections, a twentieth each for the pods’ commands and for three lines of log. Tried: statuses that come back wait 100 ms for each other or ' +
        'for the next run: 1.3 to 1.9 → 1.0 runs a change, and 1,290 → 44 runs at a start that writes 5,000 statuses (9.2 → 5.6 s of processor time); plain JSON for lines of log; a look at certificates and token once a ' +
        'second instead of for each call; less garbage, as the event loop tells: together 6.9 → 5.1 ms of processor time a change. The next idea is to keep a status that came back from what translates its route, a third of what such a run computes.',
    ],
  },
  change_cost: {
    heading: 'Cost of one change',
    method:
      'The operator’s rooms in one process, with a pod and an API server that take everything at once: what one change costs from the watch event to the ' +
      'list of run-time commands. Each number of routes has a process of its own; medians of many changes spread over the routes.',
    notes: [
      'A change computes nearly the same number of things whatever there is: 24 derivations for a route with 100 routes, 26 with 40,000; 58 and 61 for a listener added to a set with a certificate; 249 and 253 for ' +
        'a set with sixteen routes. What comes on top are levels of trees. No step visits all routes, hostnames, listeners or certificates any more.',
      'What is left is mostly the processor’s caches: with 100 routes all that is read stays in them from change to change. The proof: with a hostname for each route, and caches emptied before each change, medians with ' +
        '40,000 routes are 0.9 to 1.1 times those with 100 (both sizes taking turns), and the bench’s own copy of one object, which is the same work in both, takes 1.4 to 3 times as long in the big process. ' +
        'A set that comes or goes does take more steps: its sixteen routes stand in sixteen leaves of each tree, of which a small one shares the nodes; with caches emptied that makes 1.4 to 2 times.',
      'Tried, with ListenerSets and a certificate each, medians of one machine in the same hour. A listener added among 40,000 routes: 15.1 ms while the listeners of a port were one list, in order of precedence, out of which its ' +
        'certificates were gathered, written as a list and compared with the list before; 1.5 ms with trees from the listeners to the commands, where the default certificate is found from the leaves up and the first claimant of a ' +
        'port likewise. A set added: 17.9 → 4.4 ms. Buckets of a gathering as trees instead of sorted arrays, and trees compared place by place instead of by sets of their nodes: a route added with a hostname of its own 1.4 → 1.3 ' +
        'times. One identity for a Gateway’s workload while only its number of sets changes, so that haproxy.cfg is not rendered and hashed again: rendering for a set removed 2.6 → 0.9 ms. No new verdict on a Gateway without news, ' +
        'and names of its objects kept: the run in which nothing changed at 100 Gateways 0.39 → 0.21 ms.',
      'The next ideas: to look only at Gateways of which something changed, as a run still looks at each (2 µs); and results of derivations on the nodes of their trees instead of in weak maps, where each level takes ' +
        'several reads from memory.',
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
      'own, the load generators (wrk, h2load) and the backend share the other; rounds of one second take turns, ratios are medians of the rounds’ ratios. What has a bar is ' +
      'measured in 400 slices of a tenth of a second each, ours and the hand-written one’s in turns: medians of the ratios of neighbours, by rate and by processor time. ' +
      'HTTP/1.1 has 32 connections and goes round 500 hosts, HTTP/2 has 8 connections with 16 streams each and stays with one.',
    notes: [
      'Where the rest goes, in instructions of HAProxy itself for one request over a kept connection (counted with callgrind; the kernel’s part, two thirds of the time, ' +
        'is the same for both: two `sendmsg`, two `recvmsg`): 35,600 by hand with one route, 36,150 with a path, 39,450 by us before and 38,400 now. What we pay more: the ' +
        'look-up of host and path 2,000, keeping what was found in a variable 830, choosing the backend by its name 1,200, asking whether there is a record 230; of caches and ' +
        'branches, as callgrind models them, 170 more misses of the first instruction cache (before: 235) and 49 more wrong predictions (before: 74). These count more when the ' +
        'machine is shared: on a busy one 0.94 by processor time before and 0.94 to 0.96 now, on a quiet one 0.97 with one route and 0.95 with 10,000.',
      'Made cheaper, instructions saved: the look at answers with 503 by HAProxy’s own 503, which is written only then, instead of a rule for every answer: 530; ' +
        '`tune.stick-counters 0`, since nothing is tracked: 530.',
      'Tried: the variable with the scope of the request: −20; with that of the connection, and one `use_backend` line: 700, but what one request found would stay for the next; ' +
        'a capture slot and one `use_backend` line: 800, but then every rule with filters needs a variable, too; no Lua loaded, `http-reuse always`, edge-triggered polling, no task ' +
        'profiling, no zero-copy: 0 to 40; `balance random`: −270, `leastconn`: −500; no tags in memory pools (`-dM`): 200, for a check that finds broken memory; ' +
        '`no option abortonclose`: 760, but backends would not see that a client has gone; `option http-no-delay`: 370, but answers of 20 kB take 20 % more time; a smaller ' +
        '`tune.bufsize`: HTTP/2 does not allow it. The look-up in `use_backend` itself and no variable: 1,750, ratio 0.98, but only where no rule of the listener has filters, ' +
        'conditions or weights. The next ideas are the capture slot after all, with features measured again, and a converter that looks up host and path in one step, ' +
        'without copying them first.',
    ],
  },
  mixed_changes: {
    heading: 'Reloads in 10,000 mixed changes',
    method:
      'Routes, matches, filters, weights, endpoints, Services and certificates change 10,000 times while WebSockets and HTTP/2 streams stay open and ' +
      'requests go on: reloads, broken connections and failed requests are counted.',
    notes: [
      'One reload now and then, and four in the whole run of this page, had one cause: a certificate that a Gateway ceased to name and named again before the files followed. The call of the Data Plane API that replaces its file found nothing ' +
        'in memory and reloaded on its own account. Since that is handled: none. This section and propagation were measured once more after it.',
    ],
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
      'Work is done in slices of 5 ms that all who begin in one turn share; before there were slices, the first run with 5,000 routes was one block of 907 ms. On the clock, a slice lasts as long as others have the ' +
        'processor, and a processor time is counted in ticks of up to 4 ms here. A profile of the operator over TLS against an API server in another process, with pods in memory, tells what long blocks were made of, in ' +
        'processor time: a full collection of garbage 30 to 60 ms, half of it weak maps and the signals with a deadline of thousands of calls; the same signals, when they all fired 15 s after a burst, 20 ms; texts of files that ' +
        'follow a change, put together at once, 30 ms; two pods at once that compare maps or send whole ones, 15 to 30 ms; fifty events of a watch without a break, 25 ms.',
      'Tried, the longest block before and after, in milliseconds of processor time of that process: 200 changes one after the other 65 → 18, 1,000 changes at 250 a second 38 → 16, at once 63 → 20, 50 a second 39 → 12, a ' +
        'change of the Gateway 10 → 10. Results of derivations in their arguments instead of weak maps, and deadlines that end with their call: of the pauses of full collections, marking what weak maps keep took 20 to 70 ms on the clock, ' +
        'now 0.2; the pauses 55 to 198, now 7 to 24, and there are half as many. Files put together one by one when they are sent: 7.2 → 0.7 ms at once. Trees compared leaf by leaf, the slice shared by all, events of a watch in ' +
        'slices: nothing else above 20 ms. Without effect on pauses: less compaction, and none at all. Before: slices of 8 ms (no better), a young generation of 4 MiB collected by one thread (its longest collection 48 to 192 → ' +
        '16 to 37 ms), lists in pages of 100 objects. What is left is the first full collection after the start, 50 to 60 ms of processor time: by then 275 MB are allocated of which 163 MB live, the limit at which marking begins ' +
        'has sunk to 189 MB meanwhile, and so V8 marks nearly everything in one pause. The next ideas are to begin that collection when the start is over, and to allocate less: spec and metadata of an object that did not change ' +
        'kept from the object of before.',
    ],
  },
  start: {
    heading: 'Start',
    method: 'From the start of the operator’s process to its first complete run, and the memory that it has then.',
  },
}
