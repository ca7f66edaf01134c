use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

use super::super::scratch::Scratch;
use super::*;

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_file_is_replaced_whole_and_nothing_else_stays() {
    let scratch = Scratch::new();
    assert_eq!(write(scratch.path(), "todo.wasm", b"one").unwrap(), Change::Written);
    let before = fs::metadata(scratch.path().join("todo.wasm")).unwrap();
    assert_eq!(write(scratch.path(), "todo.wasm", b"two").unwrap(), Change::Written);
    let after = fs::metadata(scratch.path().join("todo.wasm")).unwrap();
    assert_ne!(before.ino(), after.ino(), "the old file was renamed over, not written into");
    assert_eq!(fs::read(scratch.path().join("todo.wasm")).unwrap(), b"two");
    assert_eq!(names(scratch.path()), ["todo.wasm"]);
}

#[test]
fn a_file_that_would_not_change_is_left_alone() {
    let scratch = Scratch::new();
    write(scratch.path(), "todo.wasm", b"one").unwrap();
    let before = fs::metadata(scratch.path().join("todo.wasm")).unwrap();
    assert_eq!(write(scratch.path(), "todo.wasm", b"one").unwrap(), Change::Unchanged);
    let after = fs::metadata(scratch.path().join("todo.wasm")).unwrap();
    assert_eq!((before.ino(), before.mtime_nsec()), (after.ino(), after.mtime_nsec()));
}

#[test]
fn a_file_that_cannot_be_put_in_place_leaves_nothing_behind() {
    let scratch = Scratch::new();
    // A folder of that name cannot be renamed over.
    scratch.file("todo.wasm/inside", "");
    let error = format!("{:#}", write(scratch.path(), "todo.wasm", b"one").unwrap_err());
    assert!(error.contains("cannot write") && error.contains("todo.wasm"), "{error}");
    assert_eq!(names(scratch.path()), ["todo.wasm"]);
}

#[test]
fn a_written_file_can_be_read_by_the_user_the_host_runs_as() {
    let scratch = Scratch::new();
    write(scratch.path(), "todo.wasm", b"one").unwrap();
    let mode = fs::metadata(scratch.path().join("todo.wasm")).unwrap().permissions().mode();
    assert_eq!(mode & 0o400, 0o400);
}
