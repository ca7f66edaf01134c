//! `guesthouse inspect`: what the host would make of a plugin file.
//!
//! Owns the report, as text and as JSON with stable keys. It is made of what the loader itself says: the file goes through all
//! that a file in a plugin folder goes through, but for being published, so that the two cannot disagree.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::{Value, json};

use super::offline::Offline;
use super::serve::start_log;
use crate::capability::{self, Grants};
use crate::plugin::surface::At;
use crate::plugin::{Examined, Omitted, Operation, Surface};
use crate::typed::local::Local;

/// `guesthouse inspect …`
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  guesthouse inspect plugins/orders.wasm
  guesthouse inspect plugins/orders.wasm --json | jq .functions

The manifest and the WIT text beside FILE are read, too. As when it is served, the file is compiled in a child process, and its \
contract is asked for within its limits; its stores are empty.

Exit codes: 0, it would be served; 1, it would not, and the report says why.")]
pub struct Options {
    /// The component.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

/// Prints the report.
///
/// # Errors
/// When the file cannot be read, or has a name that no plugin can have.
pub fn run(options: &Options) -> Result<ExitCode> {
    start_log("error");
    let offline = Offline::open(&options.file, None)?;
    let report = report(&options.file.to_string_lossy(), &offline.examined);
    if options.json {
        println!("{report:#}");
    } else {
        print!("{}", text(&report));
    }
    Ok(if offline.examined.plugin.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The whole report. Its keys are what scripts rely on: they stay, and new ones may come.
fn report(file: &str, examined: &Examined) -> Value {
    let plugin = examined.plugin.as_ref().ok();
    let nothing = Grants::default();
    let grants = examined.manifest.as_ref().map_or(&nothing, |manifest| &manifest.grants);
    let imports: Vec<Value> =
        examined.imports.iter().map(|name| import(name, &examined.exports, grants)).collect();
    let manifest = match (examined.has_manifest, &examined.manifest) {
        (false, _) => "none",
        (true, Some(_)) => "read",
        (true, None) => "invalid",
    };
    let styles: Vec<Value> = plugin
        .iter()
        .flat_map(|plugin| &plugin.endpoints)
        .map(|endpoint| json!({ "style": endpoint.style(), "summary": endpoint.summary() }))
        .collect();
    let surfaces: Vec<Surface> =
        plugin.iter().flat_map(|plugin| &plugin.endpoints).map(|endpoint| endpoint.surface()).collect();
    let prefix = plugin.map_or("", |plugin| &*plugin.mount);
    let operations: Vec<Value> = plugin
        .iter()
        .flat_map(|plugin| &plugin.endpoints)
        .flat_map(|endpoint| endpoint.operations().into_iter().map(|one| operation(endpoint.style(), one)))
        .collect();
    let mount = plugin.map(|plugin| if plugin.mount.is_empty() { "/" } else { &*plugin.mount });
    let mut report = json!({
        "file": file,
        "bytes": examined.bytes,
        "digest": examined.digest,
        "served": plugin.is_some(),
        "reason": examined.plugin.as_ref().err().map(|error| format!("{error:#}")),
        "mount": mount,
        "manifest": manifest,
        "exports": examined.exports,
        "imports": imports,
        "styles": styles,
        "protocols": surfaces.iter().flat_map(|surface| protocols(surface, prefix)).collect::<Vec<_>>(),
        "contracts": surfaces.iter().flat_map(|surface| contracts(surface, prefix)).collect::<Vec<_>>(),
        "page": surfaces.iter().find_map(|surface| surface.page).map(|page| format!("{prefix}{page}")),
        "operations": operations,
        "forms": [],
        "functions": [],
        "types": "",
        "omitted": plugin.map(|plugin| omissions(&plugin.omitted)).unwrap_or_default(),
    });
    if let Some(plugin) = plugin
        && let Some(service) = Local::of(plugin)
        && let Some(members) = report.as_object_mut()
    {
        members.extend(typed(&service, &plugin.mount));
    }
    report
}

/// A path below a mount as a client asks for it; the root's own is `/`.
fn below(prefix: &str, path: &str) -> String {
    let whole = format!("{prefix}{path}");
    if whole.starts_with('/') { whole } else { format!("/{whole}") }
}

fn protocols(surface: &Surface, prefix: &str) -> Vec<Value> {
    let spoken = surface.protocols.iter();
    spoken.map(|(name, path)| json!({ "protocol": name, "path": below(prefix, path) })).collect()
}

fn contracts(surface: &Surface, prefix: &str) -> Vec<Value> {
    let contracts = surface.contracts.iter().map(|contract| match &contract.at {
        At::Path(path) => json!({ "language": contract.language, "path": below(prefix, path) }),
        At::Method(method, path) => {
            json!({ "language": contract.language, "path": below(prefix, path), "method": method })
        }
    });
    contracts.collect()
}

fn operation(style: &str, operation: Operation) -> Value {
    json!({ "style": style, "name": operation.name, "docs": operation.docs })
}

fn omissions(omitted: &[Omitted]) -> Vec<Value> {
    omitted.iter().map(|one| json!({ "function": one.function, "reason": one.reason })).collect()
}

fn import(name: &str, exports: &[String], grants: &Grants) -> Value {
    let offer = capability::find(name);
    let one = [name];
    let exports: Vec<&str> = exports.iter().map(String::as_str).collect();
    let refused = capability::check(&one, grants).and_then(|()| capability::check_http(&one, &exports)).err();
    let need = offer.as_ref().ok().and_then(|offer| offer.need);
    json!({
        "name": name,
        "offered": offer.is_ok(),
        "needs": need.map(capability::Need::remedy),
        "granted": refused.is_none(),
        "reason": refused.map(|refused| refused.to_string()),
    })
}

/// What is known of a typed service.
fn typed(service: &Local, mount: &str) -> serde_json::Map<String, Value> {
    let model = service.service();
    let forms = service.forms().map(|(form, path)| json!({ "form": form, "path": format!("{mount}{path}") }));
    let functions = model.functions.iter().enumerate().map(|(place, function)| {
        let interface = function.interface.and_then(|place| model.interfaces.get(place));
        let route = service.route(place).and_then(|route| {
            let (method, path) = route.split_once(' ')?;
            Some(format!("{method} {mount}{path}"))
        });
        json!({
            "name": function.name,
            "wit": function.wit,
            "interface": interface.map(|interface| interface.id.as_str()),
            "signature": service.signature(function),
            "docs": function.docs,
            "route": route,
        })
    });
    let mut members = serde_json::Map::new();
    members.insert("forms".to_owned(), forms.collect());
    members.insert("functions".to_owned(), functions.collect());
    members.insert("types".to_owned(), service.definitions().into());
    members.insert("omitted".to_owned(), omissions(&model.omitted).into());
    members
}

/// The report for people.
fn text(report: &Value) -> String {
    let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let list = |key: &str| report.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let get = |value: &Value, key: &str| value.get(key).map(said).unwrap_or_default();
    let mut out = Lines::default();
    let bytes = report.get("bytes").and_then(Value::as_u64).unwrap_or_default();
    out.line(0, &format!("{}: {bytes} bytes, sha256 {}", get(report, "file"), get(report, "digest")));
    let manifest = match get(report, "manifest").as_str() {
        "read" => "manifest: read",
        "invalid" => "manifest: invalid",
        _ => "manifest: none",
    };
    out.line(0, manifest);
    match report.get("reason").and_then(Value::as_str) {
        Some(reason) => out.line(0, &format!("not served: {reason}")),
        None => out.line(0, &format!("served at {}", get(report, "mount"))),
    }
    for style in list("styles") {
        out.line(1, &format!("{}: {}", get(&style, "style"), get(&style, "summary")));
    }
    for protocol in list("protocols") {
        out.line(1, &format!("{} at {}", get(&protocol, "protocol"), get(&protocol, "path")));
    }
    let page = get(report, "page");
    if !page.is_empty() {
        out.line(1, &format!("page for people at {page}"));
    }
    out.heading("contracts", &list("contracts"));
    for contract in list("contracts") {
        let (language, path, method) =
            (get(&contract, "language"), get(&contract, "path"), get(&contract, "method"));
        let at = if method.is_empty() { path } else { format!("`{method}` of {path}") };
        out.line(1, &format!("{language}: {at}"));
    }
    out.heading("exports", &list("exports"));
    for export in list("exports") {
        out.line(1, &said(&export));
    }
    out.heading("operations", &list("operations"));
    for operation in list("operations") {
        out.line(1, &get(&operation, "name"));
        for line in get(&operation, "docs").lines() {
            out.line(2, line);
        }
    }
    out.heading("functions", &list("functions"));
    for function in list("functions") {
        out.line(1, &get(&function, "signature"));
        for line in get(&function, "docs").lines() {
            out.line(2, line);
        }
        let route = get(&function, "route");
        let route = if route.is_empty() { route } else { format!(", {route}") };
        out.line(2, &format!("as {}{route}", get(&function, "name")));
    }
    out.heading("functions that are not served", &list("omitted"));
    for omitted in list("omitted") {
        out.line(1, &format!("{}: {}", get(&omitted, "function"), get(&omitted, "reason")));
    }
    let types = get(report, "types");
    if !types.is_empty() {
        out.line(0, "types");
        for line in types.lines() {
            out.line(1, line);
        }
    }
    out.heading("imports", &list("imports"));
    for import in list("imports") {
        let verdict = match (get(&import, "reason"), get(&import, "needs")) {
            (reason, _) if !reason.is_empty() => reason,
            (_, needs) if !needs.is_empty() => "granted by the manifest".to_owned(),
            _ => "needs no grant".to_owned(),
        };
        out.line(1, &format!("{}: {verdict}", get(&import, "name")));
    }
    out.0
}

/// Lines for a terminal: what a file says of itself is escaped, so that it cannot move the cursor.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn line(&mut self, indent: usize, text: &str) {
        self.0.push_str(&"  ".repeat(indent));
        for character in text.chars() {
            if character.is_control() {
                self.0.extend(character.escape_default());
            } else {
                self.0.push(character);
            }
        }
        self.0.push('\n');
    }

    fn heading(&mut self, text: &str, of: &[Value]) {
        if !of.is_empty() {
            self.line(0, text);
        }
    }
}
