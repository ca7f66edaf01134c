use super::super::scratch::Scratch;
use super::*;

#[test]
fn a_module_is_named_by_its_file_and_anything_else_is_refused_with_what_to_do() {
    let scratch = Scratch::new();
    let file = |name: &str, bytes: &[u8]| {
        let path = scratch.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    };
    let module = find(&file("orders.wasm", b"\0asm\x01\0\0\0")).unwrap();
    assert_eq!((module.name.as_str(), module.directory.as_path()), ("orders", scratch.path()));
    for (path, why) in [
        (file("made.wasm", b"\0asm\x0d\0\x01\0"), "is a component already: copy it"),
        (file("orders.c", b"int main"), "is not WebAssembly"),
        (scratch.path().join("nowhere.wasm"), "No such file"),
    ] {
        assert!(is_file(&path));
        let refusal = format!("{:#}", find(&path).unwrap_err());
        assert!(refusal.contains(&format!("{}: not a module: ", path.display())), "{refusal}");
        assert!(refusal.contains(why), "{refusal}");
    }
    assert!(!is_file(scratch.path()) && !is_file(&scratch.path().join("nowhere")));
}
