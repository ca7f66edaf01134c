//! Files that are no plugins.

use std::process::Command;

use super::*;

#[test]
fn what_is_not_a_regular_file_is_refused_without_waiting() {
    let folder = TestFolder::new();
    std::fs::write(folder.0.join("outside.wasm"), component(9)).unwrap();
    let plugins = folder.plugins();
    let make = |suffix: &str| {
        std::os::unix::fs::symlink("../outside.wasm", plugins.join(format!("link{suffix}.wasm"))).unwrap();
        std::fs::create_dir(plugins.join(format!("directory{suffix}.wasm"))).unwrap();
        let fifo = plugins.join(format!("fifo{suffix}.wasm"));
        assert!(Command::new("mkfifo").arg(fifo).status().unwrap().success());
    };
    make("-before");
    let loader = folder.start();
    make("-after");
    for suffix in ["-before", "-after"] {
        until_error(&loader, &format!("link{suffix}"), "is a symbolic link");
        until_error(&loader, &format!("directory{suffix}"), "is a directory, not a regular file");
        until_error(&loader, &format!("fifo{suffix}"), "is a FIFO, not a regular file");
    }
    // A link in the place of a plugin does not become one.
    folder.put("one.wasm", component(1));
    until_answer(&loader, "one", Some(1));
    std::os::unix::fs::symlink("../outside.wasm", plugins.join(".link")).unwrap();
    std::fs::rename(plugins.join(".link"), plugins.join("one.wasm")).unwrap();
    until_error(&loader, "one", "is a symbolic link");
    assert_eq!(answer(&loader, "one"), Some(1));
}

#[test]
fn a_hard_link_is_a_file_like_any_other() {
    let folder = TestFolder::new();
    std::fs::write(folder.0.join("outside.wasm"), component(9)).unwrap();
    let loader = folder.start();
    std::fs::hard_link(folder.0.join("outside.wasm"), folder.plugins().join("one.wasm")).unwrap();
    until_answer(&loader, "one", Some(9));
}

#[test]
fn a_sparse_file_of_any_size_is_refused_unread() {
    let folder = TestFolder::new();
    let file = std::fs::File::create(folder.plugins().join("sparse.wasm")).unwrap();
    file.set_len(1 << 40).unwrap();
    drop(file);
    let loader = folder.start();
    let text = error(&loader, "sparse").unwrap();
    assert!(text.contains("at most 67108864 are taken (plugin_file_bytes_max)"), "{text}");
}

#[test]
fn a_truncated_plugin_is_refused_wherever_it_ends() {
    let folder = TestFolder::new();
    let whole = component(1);
    // The text form's names end up in a last section of their own, without which a component is as good as before.
    let end = whole.windows(14).position(|bytes| bytes == b"component-name").unwrap() - 3;
    for length in 0..end {
        folder.put(&format!("cut-{length}.wasm"), &whole[..length]);
    }
    folder.put("whole.wasm", &whole);
    let loader = folder.start();
    assert_eq!(answer(&loader, "whole"), Some(1));
    for length in 0..end {
        let status = status(&loader, &format!("cut-{length}")).unwrap();
        assert!(status.error.is_some() && status.live.is_none(), "{status:?}");
    }
}

#[test]
fn randomly_altered_plugins_are_refused_or_served_and_nothing_else() {
    let folder = TestFolder::new();
    let whole = component(1);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..100 {
        let mut altered = whole.clone();
        for _ in 0..3 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            let position = usize::try_from(random % (whole.len() as u64 * 8)).unwrap();
            altered[position / 8] ^= 1 << (position % 8);
        }
        folder.put(&format!("altered-{round}.wasm"), altered);
    }
    folder.put("whole.wasm", &whole);
    let loader = folder.start();
    assert_eq!(answer(&loader, "whole"), Some(1));
    let statuses = loader.statuses();
    assert_eq!(statuses.len(), 101);
    for status in statuses {
        assert_ne!(status.live.is_some(), status.error.is_some(), "{status:?}");
    }
}

#[test]
fn a_component_of_no_known_style_is_told_what_there_is() {
    let folder = TestFolder::new();
    let other =
        wat::parse_str(r#"(component (instance $i) (export "acme:shop/cart@1.0.0" (instance $i)))"#).unwrap();
    folder.put("cart.wasm", other);
    folder.put("nothing.wasm", wat::parse_str("(component)").unwrap());
    let loader = folder.start();
    let text = error(&loader, "cart").unwrap();
    assert!(
        text.contains("exports `acme:shop/cart@1.0.0`") && text.contains("Answer (test:style/answer@1.0.0)"),
        "{text}"
    );
    let text = error(&loader, "nothing").unwrap();
    assert!(text.contains("exports nothing") && text.contains("test:style/answer@1.0.0"), "{text}");
}

#[test]
fn an_import_that_is_not_offered_or_not_granted_is_refused_by_name() {
    let importing = |interface: &str| {
        wat::parse_str(format!(
            r#"(component (import "{interface}" (instance)) (instance $i) (export "{ANSWER}" (instance $i)))"#
        ))
        .unwrap()
    };
    let folder = TestFolder::new();
    folder.put("rocket.wasm", importing("acme:rocket/launch@1.0.0"));
    folder.put("store.wasm", importing("wasi:keyvalue/store@0.2.0-draft"));
    let loader = folder.start();
    let text = error(&loader, "rocket").unwrap();
    assert!(
        text.contains("rocket.wasm") && text.contains("`acme:rocket/launch@1.0.0` is not offered"),
        "{text}"
    );
    let text = error(&loader, "store").unwrap();
    assert!(
        text.contains("is not granted") && text.contains("[grants]") && text.contains("store.toml"),
        "{text}"
    );
}
