//! The shape of the host's code, read from the code: which module knows which, and which words stand where.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// Modules from the outside in. Each may name those further in, and none beside it.
const LAYERS: [&[&str]; 8] = [
    &["main", "cli"],
    &["server"],
    &["gateway"],
    // Typed services are served through the styles' codecs: envelopes, fault codes and introspection are one code for both.
    &["typed"],
    &["auth", "protocol"],
    &["plugin"],
    &["sandbox"],
    &["capability"],
];

/// What every module may name.
const EVERYWHERE: [&str; 5] = ["config", "limits", "failure", "exchange", "observe"];

/// The host's sources without their tests: path below `host/src`, and the text up to the first unit test.
fn sources() -> BTreeMap<String, String> {
    let root = repository().join("host/src");
    let mut sources = BTreeMap::new();
    collect(&root, &root, &mut sources);
    assert!(sources.len() > 30, "the sources were found");
    sources
}

fn collect(root: &Path, folder: &Path, sources: &mut BTreeMap<String, String>) {
    let entries: Vec<PathBuf> =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    for path in entries {
        if path.is_dir() {
            collect(root, &path, sources);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("sources are UTF-8");
            let name = path.strip_prefix(root).expect("below").to_str().expect("UTF-8").to_owned();
            if is_test(&name) {
                continue;
            }
            let code = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
            sources.insert(name, code);
        }
    }
}

/// Files that hold nothing but tests.
fn is_test(name: &str) -> bool {
    let stem = name.trim_end_matches(".rs");
    ["tests", "guest_tests", "transcripts", "testing", "cases"].iter().any(|test| {
        stem == *test || stem.ends_with(&format!("/{test}")) || stem.contains(&format!("/{test}/"))
    })
}

/// The code lines of a text, without comments.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line.split("//").next().unwrap_or_default()))
        .filter(|(_, line)| !line.trim().is_empty())
}

/// The module of the first level that a file belongs to.
fn module(file: &str) -> &str {
    file.split('/').next().unwrap_or_default().trim_end_matches(".rs")
}

/// The first segments of all paths from the crate's root that stand in a line, groups included.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for rest in line.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 0_usize;
            let mut word = String::new();
            for character in group.chars() {
                match character {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => names.push(std::mem::take(&mut word)),
                    _ if depth == 0 => word.push(character),
                    _ => {}
                }
            }
            names.push(word);
        } else {
            names.push(rest.to_owned());
        }
    }
    names
        .into_iter()
        .map(|name| {
            let name = name.trim().to_owned();
            name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
        })
        .filter(|name| !name.is_empty())
        .collect()
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn dependencies_point_one_way() {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let from = module(&file);
        let Some(own) = layer(from) else { continue };
        for (number, line) in code(&text) {
            for to in named(line) {
                let Some(other) = layer(&to) else { continue };
                if to != from && other <= own {
                    wrong.push(format!("host/src/{file}:{number}: `{from}` names `{to}`"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_has_its_place() {
    let unknown: Vec<String> = sources()
        .keys()
        .map(|file| module(file).to_owned())
        .filter(|name| layer(name).is_none() && !EVERYWHERE.contains(&name.as_str()) && name != "lib")
        .collect();
    assert!(unknown.is_empty(), "{unknown:?} stand in no layer");
}

/// Fails for each line of code outside of `allowed` that holds one of these words.
#[track_caller]
fn only_in(allowed: &[&str], words: &[&str]) {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        if allowed.iter().any(|place| file == *place || file.starts_with(&format!("{place}/"))) {
            continue;
        }
        for (number, line) in code(&text) {
            for word in words {
                if line.contains(word) {
                    wrong.push(format!("host/src/{file}:{number}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "only {allowed:?} may say {words:?}:\n{}", wrong.join("\n"));
}

/// Fails for each line of code below `place` that holds one of these words.
#[track_caller]
fn never_in(place: &str, words: &[&str]) {
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        if module(&file) == place {
            for (number, line) in code(&text) {
                if words.iter().any(|word| line.contains(word)) {
                    wrong.push(format!("host/src/{file}:{number}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "`{place}` may not say {words:?}:\n{}", wrong.join("\n"));
}

#[test]
fn the_server_names_no_engine_plugin_or_style() {
    never_in("server", &["wasmtime", "crate::plugin", "crate::protocol", "crate::sandbox", "crate::gateway"]);
}

#[test]
fn the_sandbox_names_no_http() {
    never_in("sandbox", &["http::", "hyper", "crate::exchange", "crate::server", "StatusCode"]);
}

#[test]
fn only_the_sandbox_its_imports_and_bindings_name_wasmtime() {
    // A plugin's life is made of compiled components, and of nothing else of the engine.
    only_in(
        &[
            "sandbox",
            "capability",
            "protocol",
            "typed",
            "plugin/cache.rs",
            "plugin/compile.rs",
            "plugin/loader.rs",
        ],
        &["wasmtime::"],
    );
}

#[test]
fn code_is_compiled_in_one_file_and_loaded_in_one() {
    only_in(
        &["plugin/cache.rs"],
        &["deserialize(&", "::deserialize_file", "::deserialize_raw", "Component::deserialize"],
    );
    only_in(&["plugin/compile.rs"], &["precompile_component", "Component::new", "Component::from_binary"]);
}

#[test]
fn nothing_dials_out() {
    only_in(&[], &["TcpStream::connect", "TcpSocket", "UdpSocket", "UnixStream::connect"]);
}

#[test]
fn unsafe_stands_in_one_file() {
    let says_unsafe: Vec<String> = sources()
        .into_iter()
        .filter(|(_, text)| {
            code(text).any(|(_, line)| {
                line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|w| w == "unsafe")
            })
        })
        .map(|(file, _)| file)
        .collect();
    assert_eq!(says_unsafe, ["plugin/cache.rs"]);
}

/// The modules below one that stand side by side.
fn siblings(parent: &str) -> Vec<String> {
    let folder = repository().join("host/src").join(parent);
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .filter(|name| name != "mod" && name != "tests")
        .collect()
}

/// Fails where one of `parts` of `parent` names another.
#[track_caller]
fn strangers(parent: &str, parts: &[String]) {
    assert!(parts.len() > 1, "{parent}: {parts:?}");
    let mut wrong = Vec::new();
    for (file, text) in sources() {
        let Some(rest) = file.strip_prefix(&format!("{parent}/")) else { continue };
        let own = module(rest);
        if !parts.iter().any(|part| part == own) {
            continue;
        }
        for (number, line) in code(&text) {
            for other in parts.iter().filter(|part| *part != own) {
                // From the file beside it, or from the crate's root; deeper `super`s stay in the own part.
                let beside = rest.matches('/').count() == 0 && line.contains(&format!("super::{other}"));
                let from_folder =
                    rest == format!("{own}/mod.rs") && line.contains(&format!("super::{other}"));
                let rooted = line.contains(&format!("crate::{parent}::{other}"));
                if beside || from_folder || rooted {
                    wrong.push(format!("host/src/{file}:{number}: {}", line.trim()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn styles_do_not_know_one_another() {
    // What they share is no style.
    let shared = ["json", "media_type", "problem", "socket", "xml"];
    let styles: Vec<String> =
        siblings("protocol").into_iter().filter(|name| !shared.contains(&name.as_str())).collect();
    strangers("protocol", &styles);
}

#[test]
fn capabilities_do_not_know_one_another() {
    // `standard` is what a language's standard library imports, put together from the others.
    let capabilities: Vec<String> =
        siblings("capability").into_iter().filter(|name| name != "standard").collect();
    strangers("capability", &capabilities);
}

#[test]
fn auth_schemes_do_not_know_one_another() {
    // `fresh` is the file reader they share.
    let schemes: Vec<String> = siblings("auth").into_iter().filter(|name| name != "fresh").collect();
    strangers("auth", &schemes);
}

#[test]
fn guests_depend_on_the_contract_only() {
    let root = repository();
    let mut manifests = vec![root.join("sdk/Cargo.toml")];
    for folder in ["plugins", "tests/plugins", "sdk"] {
        for entry in std::fs::read_dir(root.join(folder)).expect("a folder") {
            let manifest = entry.expect("an entry").path().join("Cargo.toml");
            if manifest.is_file() {
                manifests.push(manifest);
            }
        }
    }
    assert!(manifests.len() > 8, "{manifests:?}");
    for manifest in manifests {
        let text = std::fs::read_to_string(&manifest).expect("a manifest");
        for line in text.lines().map(|line| line.split('#').next().unwrap_or_default()) {
            assert!(
                !line.contains("../host") && !line.trim().starts_with("guesthouse ="),
                "{}: {line}",
                manifest.display()
            );
        }
    }
}
