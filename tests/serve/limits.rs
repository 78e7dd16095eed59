//! Handlers that misbehave, and the requests beside them.

use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use super::reply::Reply;
use super::server::{HOSTS, Host, Server, eventually, module};

const FAULTS: &str = "
let calls = 0;
const hold: any[] = [];
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const waiting: (() => void)[] = [];
const handlers: Record<string, (ctx: any) => unknown> = {
  ok: () => ({ body: ++calls }),
  process: () => ({ body: process.pid ?? null }),
  loop: () => { for (;;) {} },
  'loop-later': async () => { await later(1); for (;;) {} },
  hog: () => { for (;;) hold.push('x'.repeat(1 << 20) + hold.length); },
  deep: () => { const go = (n: number): number => go(n + 1) + 1; return { body: go(0) }; },
  late: () => {
    setTimeout(() => { Promise.reject(new Error('rejected late')); }, 1);
    return { body: 'answered' };
  },
  'throw-late': () => {
    setTimeout(() => { throw new Error('thrown late'); }, 1);
    return { body: 'answered' };
  },
  grow: async () => { for (;;) { hold.push(Buffer.alloc(16 << 20, 1)); await later(100); } },
  nap: async () => { await later(300); return { body: 'rested' }; },
  never: () => new Promise(() => {}),
  wait: async () => { await new Promise<void>((resolve) => waiting.push(resolve)); return { body: 'waited' }; },
  waiting: () => ({ body: waiting.length }),
  go: () => { waiting.forEach((resolve) => resolve()); return { body: waiting.length }; },
  exit: () => { process.exit(1); },
};
export const module = {
  manifest: { contractVersion: '1.0.0', name: 'faults', version: '1.0.0', kind: 'backend' },
  routes: Object.entries(handlers).map(([name, handler]) => ({
    definition: { name, method: 'GET', path: `/${name}` },
    handler,
  })),
};
";

fn start(host: Host) -> Server {
    Server::start(module(FAULTS), host, &[], &[])
}

fn is_unavailable(reply: &Reply) {
    assert_eq!((reply.status, reply.json()["error"].clone()), (503, json!("service_unavailable")), "{reply:?}");
}

#[test]
fn endless_handlers_are_stopped_and_their_neighbours_are_not() {
    let server = start(Host::Embedded);
    for path in ["/loop", "/loop-later"] {
        thread::scope(|scope| {
            let looping = scope.spawn(|| server.get(path));
            for _ in 0..5 {
                assert_eq!(server.get("/healthz").status, 200);
                // It waits for its turn; it is not what is stopped.
                assert_eq!(server.get("/ok").status, 200, "beside {path}");
            }
            is_unavailable(&looping.join().unwrap());
        });
        assert_eq!(server.get("/ok").status, 200, "after {path}");
    }
    assert_eq!(server.get("/readyz").status, 200);
}

/// What waits beside a handler that is stopped goes on where it was.
#[test]
fn requests_in_flight_survive_a_handler_that_is_stopped() {
    let server = start(Host::Embedded);
    assert_eq!(server.get("/ok").json(), 1);
    for path in ["/loop", "/hog"] {
        thread::scope(|scope| {
            let neighbours: Vec<_> = (0..4).map(|_| scope.spawn(|| server.get("/nap"))).collect();
            is_unavailable(&server.get(path));
            for neighbour in neighbours {
                assert_eq!(neighbour.join().unwrap().text(), "rested", "beside {path}");
            }
        });
    }
}

#[test]
fn hogs_are_stopped_and_their_neighbours_are_not() {
    let server = start(Host::Embedded);
    thread::scope(|scope| {
        let hog = scope.spawn(|| server.get("/hog"));
        for _ in 0..5 {
            assert_eq!(server.get("/ok").status, 200);
        }
        is_unavailable(&hog.join().unwrap());
    });
    assert_eq!(server.get("/ok").status, 200);
    let deep = server.get("/deep");
    assert_eq!((deep.status, server.get("/ok").status), (500, 200), "{deep:?}");
}

/// What is thrown when nobody listens any more costs nobody else anything.
#[test]
fn late_faults_are_logged_and_harm_nobody() {
    for host in HOSTS {
        let server = start(host);
        for (path, message) in [("/late", "rejected late"), ("/throw-late", "thrown late")] {
            assert_eq!(server.get(path).text(), "answered", "{host:?}");
            server.record(message, |record| record.to_string().contains(message));
            assert_eq!(server.get("/ok").status, 200, "{host:?} {path}");
        }
        assert_eq!(server.get("/ok").json(), 3, "the state of the module is still there: {host:?}");
    }
}

#[test]
fn a_handler_that_waits_for_nothing_is_told_apart() {
    let server = start(Host::Embedded);
    is_unavailable(&server.get("/never"));
    assert_eq!(server.get("/ok").status, 200);
}

/// The worker ends in the middle of a request: that one is lost, the next is answered by a new process.
#[track_caller]
fn is_replaced(server: &Server, end: impl FnOnce()) {
    thread::scope(|scope| {
        let lost = scope.spawn(|| server.get("/wait"));
        eventually("the request waits", || server.get("/waiting").json() == 1);
        end();
        let lost = lost.join().unwrap();
        assert_eq!((lost.status, lost.json()["error"].clone()), (502, json!("bad_gateway")));
    });
    assert_eq!(server.get("/ok").json(), 1, "a new process");
    assert_eq!(server.get("/readyz").status, 200);
    server.message("starting it again");
}

#[test]
fn c8_a_worker_that_ends_is_started_again() {
    let server = start(Host::Worker);
    is_replaced(&server, || {
        let exit = server.get("/exit");
        assert_eq!(exit.status, 502);
    });
}

#[test]
fn c8_a_worker_that_is_killed_is_started_again() {
    let server = start(Host::Worker);
    let id = server.get("/process").json();
    is_replaced(&server, || kill(&id));
}

fn kill(id: &Value) {
    let id = i32::try_from(id.as_i64().unwrap()).unwrap();
    kill_process(Pid::from_raw(id).unwrap(), Signal::KILL).unwrap();
}

/// While there is no worker the server says so, and it says so by itself when there is one again.
#[test]
fn c8_readiness_tells_of_a_missing_worker() {
    let server = start(Host::Worker);
    eventually("it is told", || {
        // One that has just ended may still be asked, and does not answer.
        let process = server.get("/process");
        if process.status == 200 {
            kill(&process.json());
        }
        // The pause before the next start grows with each fast end.
        let ready = server.get("/readyz");
        ready.status == 503 && ready.json()["status"] == "error"
    });
    assert_eq!(server.get("/healthz").status, 200);
    eventually("it is there again", || server.get("/readyz").status == 200);
    assert_eq!(server.get("/ok").status, 200);
}

#[test]
fn workers_that_hold_too_much_are_replaced() {
    let server = start(Host::Worker);
    is_unavailable(&server.get("/grow"));
    assert_eq!(server.get("/ok").json(), 1);
}

#[test]
fn endless_workers_are_replaced() {
    let server = start(Host::Worker);
    is_unavailable(&server.get("/loop"));
    assert_eq!(server.get("/ok").json(), 1);
}
