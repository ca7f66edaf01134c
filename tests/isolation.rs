//! One plugin under attack from its own callers, and what another plugin's client notices of it.
//!
//! The times are printed, not judged: they say as much of the machine as of the host. Run alone, with
//! `cargo test --release --test all isolation -- --nocapture`; `GUESTHOUSE_TEST_ISOLATION_SECONDS` makes each part longer.
//! What is judged is that each of the other plugin's requests is answered, and none after more than a second.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use crate::support::host::plugin_bytes;
use crate::support::{Connection, Host, guest, http};

/// Of the victim, per second.
const REQUESTS_PER_S: u32 = 50;
/// Connections that attack at the same time.
const ATTACKERS: usize = 4;

/// What the victim measured, in order of size.
struct Latencies(Vec<Duration>);

impl Latencies {
    fn percentile(&self, percent: usize) -> Duration {
        let last = self.0.len() - 1;
        self.0[(self.0.len() * percent / 100).min(last)]
    }
}

/// A well-behaved client: 50 requests a second, each tenth on a new connection.
#[track_caller]
fn victim(host: &Host, time: Duration) -> Latencies {
    let request = http::request(host.address(), "GET", "/spec-rest/victim", &[], b"");
    let count = time.as_secs_f64() * f64::from(REQUESTS_PER_S);
    let interval = Duration::from_secs(1) / REQUESTS_PER_S;
    let mut latencies = Vec::new();
    let started = Instant::now();
    let mut connection = Connection::open(host.address());
    for number in 0..count as u32 {
        // The pace of the client, not a wait for the host.
        std::thread::sleep((interval * number).saturating_sub(started.elapsed()));
        let sent = Instant::now();
        if number % 10 == 0 {
            connection = Connection::open(host.address());
        }
        connection.send(&request);
        let answer = connection.answer();
        latencies.push(sent.elapsed());
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    latencies.sort();
    Latencies(latencies)
}

fn seconds() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "a measurement may be asked to take longer")]
    let wish = std::env::var("GUESTHOUSE_TEST_ISOLATION_SECONDS").ok();
    Duration::from_secs(wish.map_or(3, |text| text.parse().expect("a number of seconds")))
}

/// Where the host, the attackers and the victim run: on a machine of four cores and more each has cores of its own, so that the
/// attackers take none of the victim's time but by way of the host.
struct Cores {
    host: CpuSet,
    attackers: CpuSet,
    victim: CpuSet,
}

impl Cores {
    fn divide() -> Self {
        let all = sched_getaffinity(None).expect("the cores of this thread");
        let numbers: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|&number| all.is_set(number)).collect();
        let [host @ .., attackers, victim] = numbers.as_slice() else {
            return Self { host: all, attackers: all, victim: all };
        };
        if host.len() < 2 {
            return Self { host: all, attackers: all, victim: all };
        }
        let set = |numbers: &[usize]| {
            let mut set = CpuSet::new();
            numbers.iter().for_each(|&number| set.set(number));
            set
        };
        Self { host: set(host), attackers: set(&[*attackers]), victim: set(&[*victim]) }
    }
}

/// Keeps this thread, and what it starts, on these cores.
fn run_on(cores: &CpuSet) {
    sched_setaffinity(None, cores).expect("a thread may choose among its cores");
}

#[test]
fn a_plugin_under_attack_costs_the_callers_of_another_little() {
    let cores = Cores::divide();
    run_on(&cores.host);
    let mut host = Host::builder()
        .plugin("spec-rest")
        .file("other.wasm", plugin_bytes("spec-rest"))
        .file("loop.wasm", guest::rest(include_str!("hostile/loops.wat")))
        .file("memory.wasm", guest::rest(include_str!("hostile/memory_bomb.wat")))
        .file("stack.wasm", guest::rest(include_str!("hostile/stack_overflow.wat")))
        .file("trap.wasm", guest::rest(include_str!("hostile/trap.wat")))
        .configuration("access-log = \"off\"")
        .start();
    run_on(&cores.victim);
    let time = seconds();
    // Not measured: the first requests of a process.
    victim(&host, Duration::from_secs(1));
    let attacks: [(&str, &str, &[u16]); 7] = [
        // For comparison: what as many honest clients cost at full speed.
        ("no attack but full load", "/other/", &[200]),
        ("infinite loop", "/loop/h", &[504]),
        ("loop of bulk memory writes", "/loop/b", &[504]),
        ("memory bomb, refused", "/memory/s", &[502]),
        ("memory bomb, 64 MiB written", "/memory/w", &[200]),
        ("stack overflow", "/stack/d", &[500]),
        ("trap", "/trap/u", &[500]),
    ];
    for (name, target, statuses) in attacks {
        let quiet = victim(&host, time);
        let stop = AtomicBool::new(false);
        let attacks = AtomicUsize::new(0);
        let attacked = std::thread::scope(|scope| {
            // Ends the attack also when the victim fails, or the scope would wait for ever.
            let _end = AtEnd(&stop);
            for _ in 0..ATTACKERS {
                scope.spawn(|| {
                    run_on(&cores.attackers);
                    let request = http::request(host.address(), "GET", target, &[], b"");
                    let mut connection = Connection::open(host.address());
                    while !stop.load(Ordering::Relaxed) {
                        connection.send(&request);
                        let answer = connection.answer();
                        assert!(statuses.contains(&answer.status), "{name}: {answer:?}");
                        attacks.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            victim(&host, time)
        });
        let (before, under) = (quiet.percentile(99), attacked.percentile(99));
        println!(
            "{name:<28} quiet p50 {:>8.3?} p99 {before:>8.3?}, attacked p50 {:>8.3?} p99 {under:>8.3?} worst {:>8.3?}, \
             ratio of p99 {:>5.2}, {} attacks/s",
            quiet.percentile(50),
            attacked.percentile(50),
            attacked.percentile(100),
            under.as_secs_f64() / before.as_secs_f64(),
            attacks.load(Ordering::Relaxed) as u64 / time.as_secs().max(1)
        );
        assert!(
            attacked.percentile(100) < Duration::from_secs(1),
            "{name}: a request of another plugin took {:?}",
            attacked.percentile(100)
        );
    }
    assert!(host.is_running());
}

/// Says stop when it is dropped.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
