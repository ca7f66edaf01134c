//! Requests per second and CPU time per request: native hyper servers, then every style through Guesthouse with a fresh
//! instance per request, then the sandbox alone.
//!
//! Everything is measured in one run on one machine, server and load generator on a core each, in rounds that take turns, so
//! that a machine that is slow for a minute is slow for all of them. The figure of a row is the median of its rounds; what
//! counts is its ratio to its native row of the same run: hyper with the answer ready, or with the protocol's usual library.
//!
//! `make bench` runs it. `GUESTHOUSE_BENCH_SECONDS` (per round, 3 by default) and `GUESTHOUSE_BENCH_ROUNDS` (5) make it longer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on has nobody to tell but the person who runs it"
)]

mod load;
mod native;
mod native_websocket;
mod sandbox;

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use load::Load;

const SERVER_CORE: &str = "0";
const LOAD_CORE: &str = "1";

fn main() {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("native") => native::serve(),
        Some("native-websocket") => native_websocket::serve(),
        Some("http-load") => load::http(&arguments.collect::<Vec<_>>()),
        Some("websocket-load") => load::websocket(&arguments.collect::<Vec<_>>()),
        Some("sandbox") => sandbox::measure(Path::new(&arguments.next().expect("a folder"))),
        // cargo passes --bench.
        _ => bench(),
    }
}

/// A server process on its core.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn start(command: &mut Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
        // Both servers print their address in the first line.
        let line = lines.next().expect("the server prints a line").expect("in UTF-8");
        let address =
            line.split_whitespace().find_map(|word| word.strip_prefix("http://")).expect("an address");
        let address = address.trim_end_matches(',').to_owned();
        // Goes on reading, so that the server never waits for its output to be taken.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address }
    }

    /// CPU seconds this process has used, in user and kernel mode.
    fn cpu_s(&self) -> f64 {
        let stat =
            std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).expect("its procfs entry");
        let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
        let ticks = fields[11].parse::<f64>().expect("utime") + fields[12].parse::<f64>().expect("stime");
        // The kernel reports in hundredths of a second on every Linux there is.
        ticks / 100.0
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().expect("the server is killed");
        self.child.wait().expect("the server ends");
    }
}

/// One row of the table, over all rounds.
struct Row {
    name: &'static str,
    requests_per_s: Vec<f64>,
    cpu_us: Vec<f64>,
}

fn bench() {
    let seconds = number("GUESTHOUSE_BENCH_SECONDS", 3);
    let rounds = number("GUESTHOUSE_BENCH_ROUNDS", 5);
    let folder = plugin_folder();
    let config = folder.join("guesthouse.toml");
    // The access log is on, as it is by default; what it says is thrown away.
    std::fs::write(&config, "workers = 1\n").expect("the configuration is written");

    let own = std::env::current_exe().expect("this program's path");
    let jsonrpsee = std::env::var("GUESTHOUSE_BENCH_JSONRPSEE").expect("run it with `make bench`");
    let native = Server::start(pinned(SERVER_CORE).arg(&own).arg("native"));
    let jsonrpsee = Server::start(pinned(SERVER_CORE).arg(jsonrpsee));
    let native_websocket = Server::start(pinned(SERVER_CORE).arg(&own).arg("native-websocket"));
    let host = Server::start(
        pinned(SERVER_CORE)
            .arg(env!("CARGO_BIN_EXE_guesthouse"))
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .arg(&folder),
    );
    let account = load::open_account(&host.address);
    let loads = [
        (Load::get("hyper, native", "/"), &native),
        (Load::json_rpc("JSON-RPC subtract, native", "/"), &native),
        (Load::json_rpc("jsonrpsee, subtract", "/"), &jsonrpsee),
        (Load::json_rpc_batch("jsonrpsee, 10 in a batch", "/"), &jsonrpsee),
        (Load::xml_rpc("XML-RPC subtract, native", "/"), &native),
        (Load::websocket("WebSocket echo, native", "/"), &native_websocket),
        (Load::soap("SOAP GetBalance, native", "/soap", "000000000007"), &native),
        (Load::get("REST, hello", "/hello"), &host),
        (Load::get("REST, todo list (store)", "/todo/items"), &host),
        (Load::json_rpc("JSON-RPC, subtract", "/spec-rpc"), &host),
        (Load::json_rpc("JSON-RPC, subtract, typed", "/typed-arithmetic/rpc"), &host),
        (Load::json_rpc_batch("JSON-RPC, 10 in a batch", "/spec-rpc"), &host),
        (Load::json_rpc_batch("JSON-RPC, 10 in a batch, typed", "/typed-arithmetic/rpc"), &host),
        (Load::xml_rpc("XML-RPC, subtract", "/spec-rpc"), &host),
        (Load::xml_rpc("XML-RPC, subtract, typed", "/typed-arithmetic/xmlrpc"), &host),
        (Load::soap("SOAP, GetBalance (store)", "/bank", &account), &host),
        (Load::websocket("WebSocket, echo of 64 bytes", "/spec-websocket"), &host),
    ];
    let mut rows: Vec<Row> = loads
        .iter()
        .map(|(load, _)| Row { name: load.name, requests_per_s: Vec::new(), cpu_us: Vec::new() })
        .collect();
    for round in 0..=rounds {
        for (row, (load, server)) in rows.iter_mut().zip(&loads) {
            let before = server.cpu_s();
            let run = load.run(&server.address, if round == 0 { 1 } else { seconds }, &own);
            let cpu_us = (server.cpu_s() - before) * 1e6 / run.requests;
            // The first round warms up.
            if round > 0 {
                row.requests_per_s.push(run.requests / run.seconds);
                row.cpu_us.push(cpu_us);
            }
        }
    }
    drop((native, jsonrpsee, native_websocket, host));

    let native_cpu = median(&rows[0].cpu_us);
    // A style that has a native server of its own is held against that one.
    let baseline = |row: &Row| {
        let style = row.name.split([',', ' ']).next().unwrap_or_default();
        let own = |other: &&Row| other.name.starts_with(style) && other.name.ends_with("native");
        rows.iter().find(own).unwrap_or(&rows[0])
    };
    println!();
    println!(
        "{rounds} rounds of {seconds} s, server on core {SERVER_CORE}, load on core {LOAD_CORE}, 32 connections (WebSocket: 64),"
    );
    println!(
        "a fresh instance per request, access log on; medians, in brackets the ratio to native hyper, for JSON-RPC, XML-RPC and"
    );
    println!("SOAP to native hyper with serde_json and with quick-xml, for WebSocket to native tungstenite");
    println!();
    println!("{:<30} {:>12} {:>9} {:>14} {:>9}", "", "requests/s", "", "CPU us/request", "");
    for row in &rows {
        let (rate, cpu) = (median(&row.requests_per_s), median(&row.cpu_us));
        println!(
            "{:<30} {rate:>12.0} {:>9} {cpu:>14.1} {:>9}",
            row.name,
            format!("({:.2})", rate / median(&baseline(row).requests_per_s)),
            format!("({:.2})", cpu / median(&baseline(row).cpu_us))
        );
    }
    println!();
    for (name, against) in [
        ("JSON-RPC, subtract, typed", "JSON-RPC, subtract"),
        ("JSON-RPC, subtract, typed", "jsonrpsee, subtract"),
        ("JSON-RPC, 10 in a batch, typed", "JSON-RPC, 10 in a batch"),
        ("JSON-RPC, 10 in a batch, typed", "jsonrpsee, 10 in a batch"),
    ] {
        let row = |name| rows.iter().find(|row| row.name == name).expect("a row of the table");
        let (row, other) = (row(name), row(against));
        let rates = median(&row.requests_per_s) / median(&other.requests_per_s);
        let cpu = median(&row.cpu_us) / median(&other.cpu_us);
        println!("{name} against {against}: {rates:.2} of the requests/s, {cpu:.2} of the CPU");
    }
    println!();
    let sandbox = pinned(SERVER_CORE).arg(&own).arg("sandbox").arg(&folder).output().expect("it runs");
    assert!(sandbox.status.success(), "{}", String::from_utf8_lossy(&sandbox.stderr));
    for line in String::from_utf8_lossy(&sandbox.stdout).lines() {
        let (name, ns) = line.rsplit_once(' ').expect("a name and a figure");
        let ns: f64 = ns.parse().expect("nanoseconds");
        println!("{name:<60} {ns:>6.0} ns ({:.2} of a native request's CPU)", ns / 1_000.0 / native_cpu);
    }
    std::fs::remove_dir_all(&folder).expect("the folder is removed");
}

fn pinned(core: &str) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", core]);
    command
}

/// A folder with the plugins that are called.
fn plugin_folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("guesthouse-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    for (variable, names) in [
        ("GUESTHOUSE_TEST_PLUGINS", &["bank", "todo"][..]),
        ("GUESTHOUSE_TEST_CONFORMANCE_PLUGINS", &["hello", "spec-rpc", "spec-websocket", "typed-arithmetic"]),
    ] {
        let from = PathBuf::from(std::env::var(variable).expect("run it with `make bench`"));
        for name in names {
            let file = format!("{name}.wasm");
            std::fs::copy(from.join(&file), folder.join(&file))
                .expect("the plugin is built: run it with `make bench`");
            let manifest = from.join(format!("{name}.toml"));
            if manifest.exists() {
                std::fs::copy(&manifest, folder.join(format!("{name}.toml")))
                    .expect("the manifest is copied");
            }
        }
    }
    folder
}

fn number(variable: &str, default: u32) -> u32 {
    std::env::var(variable).map_or(default, |text| text.parse().expect("a number"))
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
