//! Replacing plugins while they serve.

use std::os::unix::fs::MetadataExt as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::host::plugin_bytes;
use crate::support::socket::Socket;
use crate::support::{Connection, Host, guest, http, until};

const VERSION: &str = include_str!("hostile/version.wat");
const SWAPS: usize = 50;

/// A plugin that answers this digit over REST and WebSocket.
fn version(digit: char) -> Vec<u8> {
    guest::component(&["rest-plugin", "websocket-plugin"], &VERSION.replace("(;digit;)", &digit.to_string()))
}

/// Puts a file and waits until it is served.
#[track_caller]
fn swap(host: &Host, plugin: &str, bytes: &[u8]) {
    let first = host.log().len();
    host.put(&format!("{plugin}.wasm"), bytes);
    host.wait_for_log_after(first, &format!("plugin {plugin}: live at"));
}

/// Seconds of load. wrk wants whole ones.
fn seconds() -> u64 {
    #[expect(clippy::disallowed_methods, reason = "a test may be asked to take longer")]
    let wish = std::env::var("GUESTHOUSE_TEST_SWAP_SECONDS").ok();
    wish.map_or(10, |text| text.parse().expect("a number of seconds"))
}

#[test]
fn fifty_swaps_under_load_fail_no_request() {
    let host = Host::builder().plugin("todo").configuration("access-log = \"off\"").start();
    assert_eq!(
        host.post("/todo/items", "application/json", r#"{"title":"kept over all versions"}"#).status,
        201
    );
    let todo = plugin_bytes("todo");
    let builds = [guest::with_mark(&todo, "one"), guest::with_mark(&todo, "two")];
    let mut swaps = 0;
    let mut requests = 0;
    // As many runs of the load as the swaps take: on a slow machine they take longer than one.
    while swaps < SWAPS {
        let load = Command::new("wrk")
            .args(["-t", "2", "-c", "16", "-d", &format!("{}s", seconds()), "--latency"])
            .arg(format!("{}/todo/items", host.url()))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("wrk can be started (Debian package wrk)");
        let ends = Instant::now() + Duration::from_secs(seconds());
        while swaps < SWAPS && Instant::now() < ends {
            swap(&host, "todo", &builds[swaps % 2]);
            swaps += 1;
        }
        let output = load.wait_with_output().expect("wrk ends by itself");
        let report = String::from_utf8(output.stdout).expect("wrk prints UTF-8");
        println!("{swaps} swaps\n{report}");
        assert!(output.status.success(), "{report}");
        assert!(!report.contains("Non-2xx"), "{report}");
        assert!(!report.contains("Socket errors"), "{report}");
        requests += report
            .lines()
            .find_map(|line| line.trim().split_once(" requests in ")?.0.parse::<u64>().ok())
            .unwrap_or_else(|| panic!("{report}"));
    }
    println!("{swaps} swaps during {requests} requests, 0 failed");
    assert!(requests > 1_000, "the load was one");
    assert_eq!(host.get("/todo/items").json()["items"][0]["title"], "kept over all versions");
}

#[test]
fn every_answer_is_whole_and_from_one_version() {
    let host =
        Host::builder().file("version.wasm", version('1')).configuration("access-log = \"off\"").start();
    let builds = [version('2'), version('1')];
    let stop = AtomicBool::new(false);
    let seen = [AtomicUsize::new(0), AtomicUsize::new(0)];
    std::thread::scope(|scope| {
        let end = AtEnd(&stop);
        for client in 0..4 {
            let (stop, seen, host) = (&stop, &seen, &host);
            scope.spawn(move || {
                let request = http::request(host.address(), "GET", "/version", &[], b"");
                let mut connection = Connection::open(host.address());
                let mut count = 0;
                while !stop.load(Ordering::Relaxed) {
                    if count % 100 == client {
                        connection = Connection::open(host.address());
                    }
                    count += 1;
                    connection.send(&request);
                    let answer = connection.answer();
                    assert_eq!(answer.status, 200, "{}", answer.head);
                    let digit = answer.header("x-version").expect("a version").as_bytes()[0];
                    assert_eq!(answer.body.len(), 65_536);
                    assert!(answer.body.iter().all(|&byte| byte == digit), "two versions in one answer");
                    seen[usize::from(digit - b'1')].fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        for number in 0..SWAPS {
            swap(&host, "version", &builds[number % 2]);
            // Each version is seen before the next one comes, and no older one after it.
            let digit = [b'2', b'1'][number % 2];
            assert_eq!(host.get("/version").body[0], digit, "swap {number}");
        }
        drop(end);
    });
    let [one, two] = seen.map(AtomicUsize::into_inner);
    println!("{one} answers of version 1 and {two} of version 2, all whole");
    assert!(one > 0 && two > 0);
}

#[test]
fn an_open_socket_gets_its_next_answer_from_the_new_version() {
    let host = Host::builder().file("version.wasm", version('1')).start();
    let mut sockets: Vec<Socket> = (0..20).map(|_| Socket::open(&host, "/version")).collect();
    for digit in ['1', '2', '1', '2'] {
        swap_to(&host, digit);
        for socket in &mut sockets {
            socket.send_text("which?");
            assert_eq!(socket.text(), digit.to_string());
        }
    }
}

#[track_caller]
fn swap_to(host: &Host, digit: char) {
    if host.get("/version").body[0] != u8::try_from(digit).expect("ASCII") {
        swap(host, "version", &version(digit));
    }
}

#[test]
fn a_chat_goes_on_over_a_swap() {
    let host = Host::with(&["chat"]);
    let [mut ada, mut bob] = [Socket::open(&host, "/chat"), Socket::open(&host, "/chat")];
    let next =
        |socket: &mut Socket| -> serde_json::Value { serde_json::from_str(&socket.text()).expect("JSON") };
    ada.send_text(r#"{"type":"join","room":"lobby","name":"Ada"}"#);
    assert_eq!(next(&mut ada)["type"], "welcome");
    bob.send_text(r#"{"type":"join","room":"lobby","name":"Bob"}"#);
    assert_eq!(next(&mut bob)["members"], json!(["Ada", "Bob"]));
    assert_eq!(next(&mut ada)["name"], "Bob");
    for round in 0..10 {
        swap(&host, "chat", &guest::with_mark(&plugin_bytes("chat"), &round.to_string()));
        let text = format!("after swap {round}");
        ada.send_text(&json!({"type": "say", "room": "lobby", "text": text}).to_string());
        for socket in [&mut ada, &mut bob] {
            assert_eq!(next(socket), json!({"type": "said", "room": "lobby", "name": "Ada", "text": text}));
        }
    }
}

#[test]
fn a_message_sent_during_a_swap_is_answered_once() {
    let host = Host::builder().file("version.wasm", version('1')).start();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let end = AtEnd(&stop);
        for _ in 0..4 {
            scope.spawn(|| {
                let mut socket = Socket::open(&host, "/version");
                while !stop.load(Ordering::Relaxed) {
                    socket.send_text("a");
                    socket.send_text("b");
                    for _ in 0..2 {
                        assert!(matches!(socket.text().as_str(), "1" | "2"));
                    }
                }
                // Nothing was answered twice: what comes next is the answer to this ping.
                socket.send_frame(0x89, b"over");
                assert_eq!(socket.frame(), (10, b"over".to_vec()));
            });
        }
        for number in 0..20 {
            swap(&host, "version", &version(['2', '1'][number % 2]));
        }
        drop(end);
    });
}

#[test]
fn a_broken_file_changes_nothing_but_the_log() {
    let mut host = Host::builder().file("version.wasm", version('1')).start();
    let good = version('2');
    let unknown_world = wat::parse_str(
        r#"(component (instance $nothing) (export "acme:other/world@1.0.0" (instance $nothing)))"#,
    )
    .expect("valid text");
    let newer = wat::parse_str(
        r#"(component (instance $nothing) (export "guesthouse:plugin/rest@2.0.0" (instance $nothing)))"#,
    )
    .expect("valid text");
    let mut table: Vec<(String, Vec<u8>)> = vec![
        ("empty".into(), Vec::new()),
        ("core module".into(), wat::parse_str("(module)").expect("valid text")),
        ("unknown world".into(), unknown_world),
        ("newer contract".into(), newer),
        ("text".into(), b"(component)".to_vec()),
        ("another format".into(), b"\x7fELF\x02\x01\x01".to_vec()),
    ];
    for part in [4, 8, 9, 50, good.len() / 2, good.len() - 1] {
        table.push((format!("cut after {part} bytes"), good[..part].to_vec()));
    }
    // A fixed seed: the same bits flip on every run.
    let mut random = crate::support::random::Random::new(7);
    for number in 0..20 {
        let mut flipped = good.clone();
        // Behind the preamble, where a flip need not be seen at once.
        let at = 8 + random.below(flipped.len() - 8);
        flipped[at] ^= 0x80;
        table.push((format!("flip {number} at byte {at}"), flipped));
    }
    for (name, bytes) in table {
        let first = host.log().len();
        host.put("version.wasm", &bytes);
        // A flipped bit may leave a valid plugin: then it is live, and is replaced again.
        let line = until(&name, || {
            host.log().into_iter().skip(first).find(|line| line.contains("plugin version: "))
        });
        if line.contains("live at") {
            assert!(name.starts_with("flip"), "{name}: {line}");
            swap(&host, "version", &guest::with_mark(&version('1'), &name));
            continue;
        }
        assert!(
            line.contains("not loaded: ") && line.ends_with("the version before goes on serving"),
            "{line}"
        );
        let answer = host.get("/version");
        assert_eq!((answer.status, answer.body[0], answer.body.len()), (200, b'1', 65_536), "{name}");
    }
    assert!(host.is_running());
    assert!(!host.log().iter().any(|line| line.contains("panicked")));
    swap(&host, "version", &good);
    assert_eq!(host.get("/version").body[0], b'2');
}

#[test]
fn what_is_no_regular_file_is_neither_read_nor_waited_for() {
    let host = Host::builder().file("version.wasm", version('1')).start();
    let elsewhere = host.root().join("elsewhere.wasm");
    std::fs::write(&elsewhere, version('2')).expect("a file can be written");
    let beside = host.root().join("beside");

    let first = host.log().len();
    std::os::unix::fs::symlink(&elsewhere, &beside).expect("a link can be made");
    std::fs::rename(&beside, host.folder().join("version.wasm")).expect("a link can be renamed");
    let line = host.wait_for_log_after(first, "plugin version: not loaded");
    assert!(line.contains("is a symbolic link"), "{line}");
    assert_eq!(host.get("/version").body[0], b'1');

    let first = host.log().len();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &beside, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a FIFO can be made");
    std::fs::rename(&beside, host.folder().join("version.wasm")).expect("a FIFO can be renamed");
    let line = host.wait_for_log_after(first, "plugin version: not loaded");
    assert!(line.contains("not a regular file"), "{line}");
    assert_eq!(host.get("/version").body[0], b'1');

    let first = host.log().len();
    std::fs::create_dir(host.folder().join("folder.wasm")).expect("a folder can be made");
    let line = host.wait_for_log_after(first, "plugin folder: not loaded");
    assert!(line.contains("not a regular file"), "{line}");

    // None of it keeps the next good file waiting.
    swap(&host, "version", &version('2'));
    assert_eq!(host.get("/version").body[0], b'2');
}

#[test]
fn a_file_that_is_written_slowly_is_taken_when_it_is_complete() {
    use std::io::Write as _;
    let host = Host::builder().file("version.wasm", version('1')).plugin("chat").start();
    let first = host.log().len();
    let new = version('2');
    let mut file = std::fs::File::create(host.folder().join("version.wasm")).expect("a file can be written");
    for (number, part) in new.chunks(new.len().div_ceil(4)).enumerate() {
        file.write_all(part).expect("a file can be written");
        // What is taken up in the meantime shows that the half-written file had its turn, too.
        swap(&host, "chat", &guest::with_mark(&plugin_bytes("chat"), &number.to_string()));
        assert_eq!(host.get("/version").body[0], b'1', "part {number}");
    }
    drop(file);
    host.wait_for_log_after(first, "plugin version: live at");
    assert_eq!(host.get("/version").body[0], b'2');
    assert!(!host.log().iter().any(|line| line.contains("plugin version: not loaded")));
}

#[test]
fn a_manifest_with_a_mistake_is_refused_with_its_place_and_what_is_allowed() {
    let host = Host::builder().file("version.wasm", version('1')).start();
    let table: [(&str, &[&str]); 5] = [
        ("mont = \"/x\"", &["version.toml, line 1", "`mont`", "`mount`"]),
        (
            "\n\n[limits]\ncpu_ms_max = 0",
            &["version.toml, line 4", "`limits.cpu_ms_max`", "allowed is 1 to 600000"],
        ),
        (
            "[limits]\nbody_bytes_max = \"much\"",
            &["version.toml, line 2", "`limits.body_bytes_max`", "expected"],
        ),
        ("[auth]\nrequire = [\"digest\"]", &["version.toml, line 2", "`auth.require`", "`api-key`"]),
        ("mount = \"version\"", &["version.toml", "`mount`", "does not begin with `/`"]),
    ];
    for (text, parts) in table {
        let first = host.log().len();
        host.put("version.toml", text.as_bytes());
        let line = host.wait_for_log_after(first, "plugin version: not loaded");
        for part in parts {
            assert!(line.contains(part), "{text:?}: {line}");
        }
        assert_eq!(host.get("/version").status, 200, "{text:?}");
    }
    let first = host.log().len();
    host.put("version.toml", b"mount = \"/elsewhere\"");
    host.wait_for_log_after(first, "plugin version: live at /elsewhere");
    assert_eq!((host.get("/version").status, host.get("/elsewhere").status), (404, 200));
}

#[test]
fn a_plugin_whose_file_is_removed_is_gone_and_comes_back_with_it() {
    let host = Host::builder().file("version.wasm", version('1')).start();
    for digit in ['2', '1'] {
        host.remove("version.wasm");
        until("the mount to be gone", || (host.get("/version").status == 404).then_some(()));
        swap(&host, "version", &version(digit));
        assert_eq!(host.get("/version").body[0], u8::try_from(digit).expect("ASCII"));
    }
}

#[test]
fn the_second_start_takes_compiled_code_from_the_cache() {
    let mut host = Host::builder().plugin("todo").plugin("bank").plugin("spec-rest").start();
    let code = host.folder().join(".guesthouse/code");
    let files = || {
        let mut files: Vec<_> = std::fs::read_dir(&code)
            .expect("the cache")
            .map(|entry| entry.expect("an entry"))
            .map(|entry| (entry.file_name(), entry.metadata().expect("a file").ino()))
            .collect();
        files.sort();
        files
    };
    let before = files();
    assert!(before.len() >= 3, "{before:?}");
    host.restart();
    assert_eq!(host.get("/todo/items").status, 200);
    assert_eq!(files(), before, "nothing was compiled again");
}

/// Says stop when it is dropped, also by a panic: the clients of a scope would else go on for ever.
struct AtEnd<'a>(&'a AtomicBool);

impl Drop for AtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
