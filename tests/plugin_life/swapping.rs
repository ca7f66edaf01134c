//! Dropping in, replacing, moving, removing.

use std::io::Write;
use std::sync::Arc;

use anyhow::bail;

use super::*;

#[test]
fn what_is_in_the_folder_is_live_when_the_loader_is_ready() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    folder.put("two.wasm", component(2));
    folder.put("two.toml", "mount = \"/second/one\"");
    folder.put("notes.txt", "not a plugin");
    folder.put("foreign.toml", "this = \"is nobody's manifest\"");
    let loader = folder.start();
    assert_eq!(answer(&loader, "one"), Some(1));
    assert_eq!(answer(&loader, "two"), Some(2));
    let statuses = loader.statuses();
    assert_eq!(statuses.len(), 2, "{statuses:?}");
    let live = statuses[1].live.as_ref().unwrap();
    assert_eq!((live.mount.as_str(), &live.styles[..]), ("/second/one", &[("Answer", "2".to_owned())][..]));
    assert_eq!(loader.catalog().route("/second/one/x").unwrap().path, "/x");
    assert!(loader.catalog().route("/two").is_none());
}

#[test]
fn a_plugin_is_added_replaced_and_removed_while_serving() {
    let folder = TestFolder::new();
    let loader = folder.start();
    folder.put("one.wasm", component(1));
    until_answer(&loader, "one", Some(1));
    folder.put("one.wasm", component(2));
    until_answer(&loader, "one", Some(2));
    folder.overwrite("one.wasm", component(3));
    until_answer(&loader, "one", Some(3));
    folder.remove("one.wasm");
    until_answer(&loader, "one", None);
    assert!(loader.catalog().route("/one").is_none());
    assert_eq!(loader.statuses(), []);
}

#[test]
fn a_changed_manifest_moves_the_plugin() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    let loader = folder.start();
    assert!(loader.catalog().route("/one").is_some());
    folder.put("one.toml", "mount = \"/\"");
    until("the root", || loader.catalog().route("/any/path").is_some(), |found| *found);
    assert_eq!(loader.catalog().route("/one").unwrap().path, "/one");
    folder.remove("one.toml");
    until("the stem again", || loader.catalog().route("/any/path").is_none(), |gone| *gone);
    assert_eq!(loader.catalog().route("/one").unwrap().path, "/");
}

#[test]
fn a_broken_replacement_leaves_the_last_good_version_and_says_so() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    let loader = folder.start();
    let broken: &[(&[u8], &str)] = &[
        (b"", "is empty"),
        (b"#!/bin/sh", "is not WebAssembly"),
        (&component(2)[..40], "is truncated"),
        (&wat::parse_str("(module)").unwrap(), "core module"),
        (&component_with("unreachable"), "cannot be served as Answer"),
        (&component_with("(loop br 0) unreachable"), "CPU time"),
        (&component_with("i64.const 1"), "the compiler refuses it"),
    ];
    for (bytes, text) in broken {
        folder.put("one.wasm", bytes);
        until_error(&loader, "one", text);
        assert_eq!(answer(&loader, "one"), Some(1), "{text}");
    }
    folder.put("one.toml", "mount = 1");
    until_error(&loader, "one", "one.toml, line 1, `mount`");
    assert_eq!(answer(&loader, "one"), Some(1));
    folder.remove("one.toml");
    folder.put("one.wasm", component(4));
    until_answer(&loader, "one", Some(4));
    assert_eq!(error(&loader, "one"), None);
}

#[test]
fn a_file_that_is_still_being_written_is_not_taken() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    folder.put("marker.wasm", component(100));
    let loader = folder.start();
    let new = component(2);
    let (first, second) = new.split_at(new.len() / 2);
    let mut file = std::fs::File::create(folder.plugins().join("one.wasm")).unwrap();
    file.write_all(first).unwrap();
    // Changes are taken in order, so what follows the half-written file is a clock.
    for round in 101..104 {
        folder.put("marker.wasm", component(round));
        until_answer(&loader, "marker", Some(round));
        assert_eq!((answer(&loader, "one"), error(&loader, "one")), (Some(1), None));
    }
    file.write_all(second).unwrap();
    drop(file);
    until_answer(&loader, "one", Some(2));
}

#[test]
fn a_version_is_dropped_when_its_last_request_has_ended() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    let loader = folder.start();
    let request = loader.catalog().route("/one").unwrap().plugin;
    let watch = Arc::downgrade(&request);
    folder.put("one.wasm", component(2));
    until_answer(&loader, "one", Some(2));
    assert_eq!(request.endpoints[0].summary(), "1", "a request keeps its version");
    drop(request);
    until("the end of the old version", || watch.strong_count(), |count| *count == 0);
}

#[test]
fn of_two_plugins_that_want_one_mount_the_first_keeps_it_until_it_goes() {
    let folder = TestFolder::new();
    folder.put("a.wasm", component(1));
    folder.put("b.wasm", component(2));
    folder.put("b.toml", "mount = \"/a\"");
    let loader = folder.start();
    assert_eq!((answer(&loader, "a"), answer(&loader, "b")), (Some(1), None));
    let text = error(&loader, "b").unwrap();
    assert!(text.contains("its mount `/a` is already that of the plugin a"), "{text}");
    folder.remove("a.wasm");
    until_answer(&loader, "b", Some(2));
    assert_eq!(loader.catalog().route("/a").unwrap().plugin.name.as_ref(), "b");
}

#[test]
fn names_that_differ_only_in_case_are_refused() {
    let folder = TestFolder::new();
    folder.put("Orders.wasm", component(1));
    folder.put("orders.wasm", component(2));
    let loader = folder.start();
    assert_eq!((answer(&loader, "Orders"), answer(&loader, "orders")), (Some(1), None));
    let text = error(&loader, "orders").unwrap();
    assert!(text.contains("differs from that of the plugin Orders only in upper and lower case"), "{text}");
}

#[test]
fn a_plugin_that_the_policy_refuses_is_not_served() {
    let folder = TestFolder::new();
    folder.put("open.wasm", component(1));
    folder.put("kept.wasm", component(2));
    folder.put("kept.toml", "[auth]\nrequire = [\"api-key\"]");
    let loader = folder.start_with(|settings| {
        settings.policy = Box::new(|manifest| match &manifest.auth {
            Some(auth) => Ok(auth.clone()),
            None => bail!("it has no [auth] and the host listens on 0.0.0.0"),
        });
    });
    assert_eq!((answer(&loader, "open"), answer(&loader, "kept")), (None, Some(2)));
    assert!(error(&loader, "open").unwrap().contains("it has no [auth]"));
    folder.put("kept.toml", "");
    until_error(&loader, "kept", "it has no [auth]");
    assert_eq!(answer(&loader, "kept"), Some(2), "the version with its policy goes on");
}

#[test]
fn a_folder_that_was_removed_and_made_again_is_watched_again() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    let loader = folder.start();
    let away = folder.0.join("away");
    std::fs::rename(folder.plugins(), &away).unwrap();
    std::fs::create_dir(folder.plugins()).unwrap();
    folder.put("two.wasm", component(2));
    until_answer(&loader, "two", Some(2));
    until_answer(&loader, "one", None);
    folder.put("three.wasm", component(3));
    until_answer(&loader, "three", Some(3));
}
