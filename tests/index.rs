//! The list of what is mounted, at `/`.

use crate::support::Host;
use crate::support::host::plugin_bytes;

const HTML: (&str, &str) = ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8");

#[test]
fn what_everybody_may_call_is_listed_and_nothing_else() {
    let host = Host::builder()
        .plugin("orders")
        .plugin("bank")
        .file("hidden.wasm", plugin_bytes("spec-rest"))
        .file("hidden.toml", "[auth]\nrequire = [\"api-key\"]\n")
        .start();
    let list = host.get("/");
    assert_eq!((list.status, list.header("content-type")), (200, Some("application/json")), "{list:?}");
    assert_eq!(list.header("vary"), Some("Accept"));
    let list = list.json();
    let plugins = list["plugins"].as_array().unwrap();
    let mounts: Vec<&str> = plugins.iter().map(|plugin| plugin["mount"].as_str().unwrap()).collect();
    assert_eq!(mounts, ["/bank", "/shop"]);

    // Every address that it names is answered.
    let mut asked = 0;
    for plugin in plugins {
        let contracts = plugin["contracts"].as_array().unwrap().iter();
        let read =
            contracts.filter(|contract| contract["method"].is_null()).map(|contract| &contract["path"]);
        for path in read.chain([&plugin["page"]]).filter_map(serde_json::Value::as_str) {
            assert_eq!(host.get(path).status, 200, "{path}");
            asked += 1;
        }
    }
    assert_eq!(asked, 7, "{list}");

    let page = host.request("GET", "/", &[HTML], b"");
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert!(page.text().contains("<a href=\"/shop/\">"), "{}", page.text());
    assert!(!page.text().contains("hidden"), "{}", page.text());
    assert!(
        page.header("content-security-policy").unwrap().starts_with("default-src 'none'; style-src 'sha256-")
    );

    assert_eq!(host.request("HEAD", "/", &[], b"").status, 200);
    let refused = host.request("POST", "/", &[], b"");
    assert_eq!((refused.status, refused.header("allow")), (405, Some("GET, HEAD, OPTIONS")));
    assert_eq!(host.request("OPTIONS", "/", &[], b"").header("allow"), Some("GET, HEAD, OPTIONS"));
    assert_eq!(host.get("/nothing").status, 404);
}

#[test]
fn it_follows_the_folder_and_gives_way_to_a_plugin_at_the_root() {
    let host = Host::builder().plugin("spec-rest").start();
    assert_eq!(host.get("/").json()["plugins"][0]["mount"], "/spec-rest");
    let lines = host.log().len();
    host.put("root.toml", b"mount = \"/\"\n");
    host.put("root.wasm", &plugin_bytes("hello"));
    host.wait_for_log_after(lines, "plugin root: live");
    assert_eq!(host.get("/").text(), "Hello, world!\n");
}

#[test]
fn the_operator_can_turn_it_off() {
    let host = Host::builder().plugin("spec-rest").configuration("index = false\n").start();
    assert_eq!(host.get("/").status, 404);
}

#[test]
fn it_is_off_where_others_can_reach_it() {
    let everybody = "[auth]\nrequire = [\"anonymous\"]\n";
    let host = Host::builder().plugin("spec-rest").listen("0.0.0.0:0").configuration(everybody).start();
    assert_eq!((host.get("/spec-rest").status, host.get("/").status), (200, 404));
}
