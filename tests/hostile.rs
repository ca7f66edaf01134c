//! Plugins that mean harm. Each gives its own callers the error of the style, within its budget, and nothing of what went on
//! inside; the host goes on, in the memory it had, and other plugins are served as before.

use std::time::{Duration, Instant};

use crate::support::socket::Socket;
use crate::support::{Answer, Connection, Host, guest, http, until};

const LOOPS: &str = include_str!("hostile/loops.wat");
const LOOP_IN_START: &str = include_str!("hostile/loop_in_start.wat");
const LOOP_IN_REALLOC: &str = include_str!("hostile/loop_in_realloc.wat");
const REALLOC_LIES: &str = include_str!("hostile/realloc_lies.wat");
const MEMORY_BOMB: &str = include_str!("hostile/memory_bomb.wat");
const TABLE_BOMB: &str = include_str!("hostile/table_bomb.wat");
const STACK_OVERFLOW: &str = include_str!("hostile/stack_overflow.wat");
const TRAP: &str = include_str!("hostile/trap.wat");
const GIANT_VALUES: &str = include_str!("hostile/giant_values.wat");
const RESPONSES: &str = include_str!("hostile/responses.wat");
const LOAD: &str = include_str!("hostile/load.wat");
const DISCRIMINANTS: &str = include_str!("hostile/discriminants.wat");

/// How often what is over quickly is done.
const ROUNDS: usize = 200;

/// Short enough for many rounds.
const LITTLE_CPU: &str = "[limits]\ncpu_ms_max = 20\n";

const TRAPPED: (u16, &str) = (500, "The service failed on this request.");
const OUT_OF_TIME: (u16, &str) = (504, "The service did not answer within its time.");
const OUT_OF_MEMORY: (u16, &str) = (502, "The service ran out of memory on this request.");
const INVALID: (u16, &str) = (502, "The service gave an answer that cannot be sent.");

/// Problem details with this status and this sentence, and not a word more.
#[track_caller]
fn assert_problem(answer: &Answer, (status, sentence): (u16, &str), what: &str) {
    assert_eq!(answer.status, status, "{what}: {answer:?}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{what}");
    let problem = answer.json();
    let members: Vec<&str> = problem.as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(members, ["detail", "status", "title", "type"], "{what}: {problem}");
    assert_eq!(problem["detail"], sentence, "{what}");
    assert_eq!(problem["status"], status, "{what}");
    assert_eq!(problem["type"], "about:blank", "{what}");
    for (name, value) in &answer.headers {
        assert!(
            matches!(
                name.as_str(),
                "content-type" | "content-length" | "date" | "x-request-id" | "connection"
            ),
            "{what}: {name}: {value}"
        );
    }
}

/// Asks the same, again and again, on one connection for as long as it is kept.
#[track_caller]
fn repeatedly(host: &Host, times: usize, target: &str, expected: (u16, &str)) {
    let request = http::request(host.address(), "GET", target, &[], b"");
    let mut connection = Connection::open(host.address());
    for round in 0..times {
        connection.send(&request);
        let answer = connection.answer();
        assert_problem(&answer, expected, &format!("{target}, round {round}"));
    }
}

/// The host and its other plugins are as they were.
#[track_caller]
fn assert_well(host: &mut Host) {
    assert!(host.is_running());
    let answer = host.get("/spec-rest/after?all=that");
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.json()["path"], "/after");
    assert_no_panic(host);
}

#[track_caller]
fn assert_no_panic(host: &Host) {
    let log = host.log();
    let panics: Vec<&String> = log.iter().filter(|line| line.contains("panicked")).collect();
    assert!(panics.is_empty(), "{panics:?}");
}

/// The largest part of memory that a process ever had, in bytes.
fn peak_memory(host: &Host) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", host.process_id())).expect("procfs");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("VmHWM");
    let kib: u64 = line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number");
    kib * 1024
}

fn with_guest(text: &str, manifest: &str) -> Host {
    Host::builder()
        .plugin("spec-rest")
        .file("guest.wasm", guest::rest(text))
        .file("guest.toml", manifest)
        .configuration("access-log = \"off\"")
        .start()
}

/// What each letter of a guest is answered with; then the guest is asked for something that it does well.
#[track_caller]
fn each_way(text: &str, manifest: &str, times: usize, ways: &[(char, (u16, &str))]) {
    let mut host = with_guest(text, manifest);
    for (letter, expected) in ways {
        repeatedly(&host, times, &format!("/guest/{letter}"), *expected);
    }
    let answer = host.get("/guest");
    assert_eq!((answer.status, answer.text()), (200, "fine"), "the guest itself is not shut out");
    assert_well(&mut host);
}

#[test]
fn an_endless_loop_ends_with_its_cpu_time_wherever_it_runs() {
    each_way(
        LOOPS,
        LITTLE_CPU,
        ROUNDS / 4,
        &[('h', OUT_OF_TIME), ('n', OUT_OF_TIME), ('b', OUT_OF_TIME), ('p', OUT_OF_TIME)],
    );
    let mut host = with_guest(LOOP_IN_REALLOC, LITTLE_CPU);
    repeatedly(&host, ROUNDS / 4, "/guest", OUT_OF_TIME);
    assert_well(&mut host);
}

#[test]
fn a_plugin_that_cannot_be_instantiated_or_has_another_type_is_refused_when_it_is_loaded() {
    // The contract's interface by name, with a function of another type.
    let other_type = wat::parse_str(
        r#"(component
            (core module $module (func (export "handle") (result i32) (i32.const 7)))
            (core instance $core (instantiate $module))
            (func $handle (result u32) (canon lift (core func $core "handle")))
            (instance $rest (export "handle" (func $handle)))
            (export "guesthouse:plugin/rest@1.0.0" (instance $rest)))"#,
    )
    .expect("valid text");
    let mut host = Host::builder()
        .plugin("spec-rest")
        .file("stuck.wasm", guest::rest(LOOP_IN_START))
        .file("stuck.toml", LITTLE_CPU)
        .file("other.wasm", other_type)
        .start();
    for (name, parts) in [
        ("stuck", ["cannot be instantiated", "of CPU time (cpu_ms_max)"]),
        ("other", ["`handle` of `guesthouse:plugin/rest@1.0.0`", "is not of the contract's type"]),
    ] {
        let line = host.wait_for_log(&format!("plugin {name}: not loaded"));
        for part in parts {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(host.get(&format!("/{name}")).status, 404);
    }
    assert_well(&mut host);
}

#[test]
fn an_endless_loop_with_the_shipped_limits_is_answered_after_about_a_second() {
    let mut host = with_guest(LOOPS, "");
    let started = Instant::now();
    assert_problem(&host.get("/guest/h"), OUT_OF_TIME, "the loop");
    println!("an endless loop with cpu_ms_max = 1000 was answered after {:?}", started.elapsed());
    assert!(started.elapsed() >= Duration::from_millis(900), "not before its CPU time was used up");
    let answers: Vec<_> = (0..16)
        .map(|_| {
            let mut connection = Connection::open(host.address());
            connection.send(&http::request(host.address(), "GET", "/guest/h", &[], b""));
            connection
        })
        .collect();
    assert_eq!(host.get("/spec-rest/meanwhile").status, 200);
    for mut connection in answers {
        let answer = connection.answer();
        assert_problem(&answer, OUT_OF_TIME, "one of sixteen");
    }
    assert_well(&mut host);
}

#[test]
fn a_client_that_hangs_up_takes_its_endless_loop_along() {
    let mut host =
        with_guest(LOOPS, "[limits]\ncpu_ms_max = 600000\nwall_ms_max = 3600000\ninstances_max = 2\n");
    for _ in 0..50 {
        let mut connection = Connection::open(host.address());
        connection.send(&http::request(host.address(), "GET", "/guest/h", &[], b""));
        drop(connection);
    }
    until("the two instances to be free again", || (host.get("/guest").status == 200).then_some(()));
    assert_well(&mut host);
}

#[test]
fn a_memory_bomb_is_refused_and_the_host_stays_small() {
    let mut host = with_guest(MEMORY_BOMB, "");
    // Two of the calls that fill all they can get, so that the pool has slots in use before it is measured.
    assert_eq!(host.get("/guest/w").status, 200);
    let before = peak_memory(&host);
    repeatedly(&host, ROUNDS, "/guest/a", OUT_OF_MEMORY);
    repeatedly(&host, ROUNDS, "/guest/s", OUT_OF_MEMORY);
    let parallel = 4;
    std::thread::scope(|scope| {
        for _ in 0..parallel {
            scope.spawn(|| {
                for _ in 0..ROUNDS / 8 {
                    let answer = host.get("/guest/w");
                    assert_eq!((answer.status, answer.text()), (200, "fine"));
                }
            });
        }
    });
    let grown = peak_memory(&host).saturating_sub(before);
    println!("peak memory grew by {} MiB under {parallel} memory bombs of 64 MiB at once", grown >> 20);
    assert!(grown <= (parallel << 26) + (32 << 20), "it grew by {grown} bytes");
    assert_well(&mut host);
}

#[test]
fn memory_ends_at_its_limit_to_the_page() {
    let host = with_guest(MEMORY_BOMB, "[limits]\nmemory_bytes_max = 1048576\n");
    for (pages, fits) in [(15, true), (16, true), (17, false)] {
        let answer = host.get(&format!("/guest/e?{pages}"));
        if fits {
            assert_eq!((answer.status, answer.text()), (200, "fine"), "{pages}");
        } else {
            assert_problem(&answer, OUT_OF_MEMORY, "17 pages");
        }
    }
}

#[test]
fn a_table_bomb_is_refused() {
    let host = with_guest(TABLE_BOMB, "");
    let before = peak_memory(&host);
    repeatedly(&host, ROUNDS, "/guest/a", OUT_OF_MEMORY);
    repeatedly(&host, ROUNDS, "/guest/s", OUT_OF_MEMORY);
    assert_eq!(host.get("/guest/e").text(), "fine", "20,000 elements are allowed");
    repeatedly(&host, 1, "/guest/f", OUT_OF_MEMORY);
    let grown = peak_memory(&host).saturating_sub(before);
    assert!(grown <= 32 << 20, "it grew by {grown} bytes");
}

#[test]
fn endless_recursion_is_a_trap_and_no_more() {
    each_way(STACK_OVERFLOW, "", ROUNDS, &[('d', TRAPPED), ('w', TRAPPED), ('t', TRAPPED)]);
}

#[test]
fn every_kind_of_trap_is_answered_alike() {
    let ways = ['u', 'd', 'm', 'i', 's', 'o'].map(|letter| (letter, TRAPPED));
    each_way(TRAP, "", ROUNDS, &ways);
}

#[test]
fn values_that_cannot_be_are_refused_without_being_made() {
    let mut host = with_guest(GIANT_VALUES, "");
    assert_eq!(host.get("/guest").text(), "fine");
    let before = peak_memory(&host);
    let request = |letter: char| http::request(host.address(), "GET", &format!("/guest/{letter}"), &[], b"");
    for letter in ['b', 'o', 'e', 'w', 'h', 'a', 'u', 'l', 'r', 'q', 'm'] {
        let times = if letter == 'm' { ROUNDS / 10 } else { ROUNDS };
        let mut connection = Connection::open(host.address());
        for _ in 0..times {
            connection.send(&request(letter));
            let answer = connection.answer();
            // A value of another type is a trap, one that is too large cannot be sent.
            let expected = if answer.status == 500 { TRAPPED } else { INVALID };
            assert_problem(&answer, expected, &format!("/guest/{letter}"));
        }
    }
    let grown = peak_memory(&host).saturating_sub(before);
    println!("peak memory grew by {} MiB under giant values", grown >> 20);
    assert!(grown <= 64 << 20, "it grew by {grown} bytes");
    assert_well(&mut host);
}

#[test]
fn arguments_that_have_no_room_are_a_trap() {
    let mut host = with_guest(REALLOC_LIES, "");
    repeatedly(&host, ROUNDS, "/guest", TRAPPED);
    assert_well(&mut host);
}

#[test]
fn answers_that_must_not_be_sent_are_not_sent() {
    let ways = ['0', '1', '2', '3', 'c', 'n', 'z', 'e', 'h', 'b', 'f', 'v'].map(|letter| (letter, INVALID));
    each_way(RESPONSES, "", ROUNDS / 4, &ways);
}

#[test]
fn answers_at_their_limits_are_sent_whole() {
    let host = with_guest(RESPONSES, "");
    let body = host.get("/guest/x");
    assert_eq!((body.status, body.body.len()), (200, 8 << 20));
    let fields = host.get("/guest/g");
    assert_eq!(fields.headers.iter().filter(|(name, _)| name == "x-a").count(), 64);
    let long = host.get("/guest/y");
    assert_eq!(long.header("x-a").map(str::len), Some(32 * 1024 - 3));
}

#[test]
fn a_plugin_that_fails_while_it_is_loaded_keeps_nobody_else_waiting() {
    let load = |endpoints: &str| {
        guest::component(&["described-rest-plugin"], &LOAD.replace("(;endpoints;)", endpoints))
    };
    let bad: &[(&str, Vec<u8>, &str)] = &[
        ("loops", load("(loop $l (br $l)) (unreachable)"), "more than its 1000 ms of CPU time"),
        ("traps", load("unreachable"), "`endpoints` failed"),
        (
            "overflows",
            load(
                "(i32.store offset=512 (i32.const 0) (i32.const 0))\n(i32.store offset=516 (i32.const 0) (i32.const -1))\n(i32.const 512)",
            ),
            "`endpoints` failed",
        ),
        ("nowhere", load("(i32.const 0x7ffffff0)"), "`endpoints` failed"),
        ("nothing", load("(i32.const 512)"), "it declares no endpoint"),
        (
            "starts",
            guest::component(
                &["described-rest-plugin"],
                &LOAD
                    .replace("(;endpoints;)", "(i32.const 512)")
                    .replace("(memory", "(func $s (loop $l (br $l))) (start $s) (memory"),
            ),
            "more than its 1000 ms of CPU time",
        ),
    ];
    // All of them are in the folder before the host starts.
    let mut builder = Host::builder().plugin("spec-rest").plugin("todo");
    for (name, bytes, _) in bad {
        builder = builder.file(&format!("{name}.wasm"), bytes.clone());
    }
    let mut host = builder.start();
    for (name, _, text) in bad {
        let line = host.wait_for_log(&format!("plugin {name}: not loaded"));
        assert!(line.contains(text), "{line}");
        assert_eq!(host.get(&format!("/{name}")).status, 404);
    }
    assert_well(&mut host);
    assert_eq!(host.get("/todo/items").status, 200);

    // And when they are dropped into a host that serves.
    for (name, bytes, text) in bad {
        let first = host.log().len();
        host.put("victim.wasm", &guest::with_mark(bytes, name));
        host.put("second.wasm", &guest::with_mark(&guest::rest(TRAP), name));
        let line = host.wait_for_log_after(first, "plugin victim: not loaded");
        assert!(line.contains(text), "{line}");
        host.wait_for_log_after(first, "plugin second: live");
    }
    assert_well(&mut host);
}

#[test]
fn an_import_that_is_not_offered_or_not_granted_is_refused_when_the_plugin_is_loaded() {
    let importing = |interface: &str, functions: &str| {
        wat::parse_str(format!(
            r#"(component
                (import "{interface}" (instance {functions}))
                (instance $nothing)
                (export "guesthouse:plugin/rest@1.0.0" (instance $nothing)))"#
        ))
        .expect("valid text")
    };
    let table = [
        ("unknown", "acme:secret/api@1.0.0", ["acme:secret/api@1.0.0", "unknown.wasm"]),
        ("network", "wasi:http/outgoing-handler@0.2.0", ["wasi:http/outgoing-handler", "is not offered"]),
        (
            "newer",
            "guesthouse:plugin/context@9.0.0",
            ["guesthouse:plugin/context@9.0.0", "is not compatible"],
        ),
        ("store", "wasi:keyvalue/store@0.2.0-draft", ["wasi:keyvalue/store", "[grants]"]),
        ("commit", "guesthouse:plugin/transaction@1.0.0", ["guesthouse:plugin/transaction", "[grants]"]),
        ("config", "wasi:config/store@0.2.0-rc.1", ["wasi:config/store", "[grants.config]"]),
    ];
    let mut builder = Host::builder().plugin("spec-rest");
    for (name, interface, _) in table {
        builder = builder.file(&format!("{name}.wasm"), importing(interface, ""));
    }
    let mut host = builder.start();
    for (name, _, parts) in table {
        let line = host.wait_for_log(&format!("plugin {name}: not loaded"));
        println!("{line}");
        for part in parts {
            assert!(line.contains(part), "{line}");
        }
        assert_eq!(host.get(&format!("/{name}")).status, 404);
    }
    assert_well(&mut host);
}

#[test]
fn more_instances_tables_and_memory_than_a_plugin_may_have_are_refused_when_it_is_loaded() {
    let many = |items: &str| {
        wat::parse_str(format!(
            r#"(component {items} (instance $nothing) (export "guesthouse:plugin/rest@1.0.0" (instance $nothing)))"#
        ))
        .expect("valid text")
    };
    let repeated = |count: usize, item: &str| item.repeat(count);
    let empty = "(core module $m)";
    let table = [
        ("instances", many(&format!("{empty}{}", repeated(100, "(core instance (instantiate $m))")))),
        (
            "tables",
            many(&format!(
                "(core module $m {}) (core instance (instantiate $m))",
                repeated(100, "(table 1 funcref)")
            )),
        ),
        ("elements", many("(core module $m (table 1000000 funcref)) (core instance (instantiate $m))")),
        ("memory", many("(core module $m (memory 65536)) (core instance (instantiate $m))")),
        ("shared", many("(core module $m (memory 1 1 shared)) (core instance (instantiate $m))")),
        ("memories", many("(core module $m (memory 1) (memory 1)) (core instance (instantiate $m))")),
        ("wide", many("(core module $m (memory i64 1)) (core instance (instantiate $m))")),
        (
            "memories-apart",
            many(&format!("(core module $m (memory 1)) {}", repeated(8, "(core instance (instantiate $m))"))),
        ),
    ];
    let mut builder = Host::builder().plugin("spec-rest");
    for (name, bytes) in &table {
        builder = builder.file(&format!("{name}.wasm"), bytes.clone());
    }
    let mut host = builder.start();
    for (name, _) in &table {
        let line = host.wait_for_log(&format!("plugin {name}: not loaded"));
        println!("{line}");
        assert!(!line.contains("has no function"), "refused only for want of a function: {line}");
        assert_eq!(host.get(&format!("/{name}")).status, 404);
    }
    assert_well(&mut host);
}

#[test]
fn a_websocket_answer_of_another_type_ends_its_connection_only() {
    let mut host = Host::builder()
        .plugin("spec-rest")
        .file("guest.wasm", guest::component(&["websocket-plugin"], DISCRIMINANTS))
        .start();
    let mut bystander = Socket::open(&host, "/guest");
    for letter in ["a", "m", "c", "n"] {
        for round in 0..20 {
            let mut socket = Socket::open(&host, "/guest");
            socket.send_text("hello");
            assert_eq!(socket.text(), "fine");
            socket.send_text(letter);
            let (opcode, payload) = socket.frame();
            if letter == "c" {
                // The upper half of a 16-bit value's word is nobody's: this is code 2000, which may not be sent.
                assert!(opcode == 8 || opcode == 1, "{letter}, round {round}: {opcode} {payload:?}");
                continue;
            }
            assert_eq!(opcode, 8, "{letter}, round {round}: {payload:?}");
            assert_eq!(payload.get(..2), Some(&1011_u16.to_be_bytes()[..]), "{letter}: an internal error");
            let reason = std::str::from_utf8(&payload[2..]).expect("UTF-8");
            assert!(!reason.contains("wasm") && !reason.contains("discriminant"), "{reason}");
        }
    }
    bystander.send_text("hello");
    assert_eq!(bystander.text(), "fine");
    assert_well(&mut host);
}

/// Nothing of what went on inside is told to a caller.
#[track_caller]
fn assert_discreet(text: &str) {
    for word in [
        "wasm",
        "unreachable",
        "backtrace",
        "discriminant",
        "utf-8",
        "guest",
        "/home",
        "/tmp",
        "panicked",
        "0x",
    ] {
        assert!(!text.to_ascii_lowercase().contains(word), "{word}: {text}");
    }
}

#[test]
fn callers_of_rpc_are_told_in_their_own_protocol() {
    let mut host = Host::builder()
        .plugin("spec-rest")
        .file("remote.wasm", guest::component(&["rpc-plugin"], include_str!("hostile/rpc.wat")))
        .file("remote.toml", LITTLE_CPU)
        .start();
    for letter in ['t', 'l', 'g', 'k', 'u', 'j', 'm'] {
        for round in 0..ROUNDS / 10 {
            let call = format!(r#"{{"jsonrpc":"2.0","id":{round},"method":"{letter}"}}"#);
            let answer = host.post("/remote", "application/json", call);
            assert_eq!(answer.status, 200, "{letter}: {answer:?}");
            let reply = answer.json();
            assert_eq!(reply["id"], round, "{letter}: {reply}");
            let code = reply["error"]["code"].as_i64().unwrap_or_else(|| panic!("{letter}: {reply}"));
            assert!((-32_768..=-32_000).contains(&code), "{letter}: {reply}");
            assert_discreet(answer.text());
        }
        let call = format!("<methodCall><methodName>{letter}</methodName></methodCall>");
        let answer = host.post("/remote", "text/xml", call);
        assert_eq!(answer.status, 200, "{letter}: {answer:?}");
        assert!(answer.text().contains("<fault>"), "{letter}: {}", answer.text());
        assert_discreet(answer.text());
    }
    // One bad call of a batch is that one's.
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"t"},{"jsonrpc":"2.0","id":2,"method":"f"},{"jsonrpc":"2.0","id":3,"method":"l"}]"#;
    let replies = host.post("/remote", "application/json", batch).json();
    let of = |id: u64| {
        let all = replies.as_array().expect("an array");
        all.iter().find(|reply| reply["id"] == id).unwrap_or_else(|| panic!("{replies}")).clone()
    };
    assert!(of(1)["error"].is_object() && of(3)["error"].is_object(), "{replies}");
    assert_eq!(of(2)["result"], "fine");
    assert_well(&mut host);
}

#[test]
fn callers_of_soap_are_told_with_a_fault() {
    let mut host = Host::builder()
        .plugin("spec-rest")
        .file("remote.wasm", guest::component(&["soap-plugin"], include_str!("hostile/soap.wat")))
        .file("remote.toml", LITTLE_CPU)
        .start();
    let versions = [
        ("http://schemas.xmlsoap.org/soap/envelope/", "text/xml; charset=utf-8", "Server"),
        ("http://www.w3.org/2003/05/soap-envelope", "application/soap+xml; charset=utf-8", "Receiver"),
    ];
    for (namespace, kind, code) in versions {
        let call = |operation: &str| {
            let text = format!(
                "<e:Envelope xmlns:e=\"{namespace}\"><e:Body><{operation} xmlns=\"urn:a\"/></e:Body></e:Envelope>"
            );
            host.post("/remote", kind, text)
        };
        for operation in ["t", "l", "g", "k", "u", "m"] {
            for _ in 0..ROUNDS / 10 {
                let answer = call(operation);
                assert_eq!(answer.status, 500, "{operation}: {answer:?}");
                assert!(
                    answer.header("content-type").is_some_and(|given| given.starts_with(&kind[..8])),
                    "{answer:?}"
                );
                assert!(
                    answer.text().contains(":Fault>") && answer.text().contains(code),
                    "{}",
                    answer.text()
                );
                assert_discreet(answer.text());
            }
        }
        let answer = call("fine");
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text().contains("<fine"), "{}", answer.text());
    }
    assert_well(&mut host);
}
