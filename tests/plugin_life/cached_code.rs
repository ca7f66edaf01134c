//! The cache of compiled code.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn code_file(folder: &TestFolder) -> PathBuf {
    let files: Vec<PathBuf> = files_below(&folder.state().join("code"))
        .into_iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "code"))
        .collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

/// No compiler: what is live came from the cache.
fn no_compiler(settings: &mut Settings) {
    settings.compiler = Compiler::new(&limits("")).with_program(PathBuf::from("/bin/false"));
}

#[test]
fn the_second_start_does_not_compile() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    drop(folder.start());
    let loader = folder.start_with(no_compiler);
    assert_eq!(answer(&loader, "one"), Some(1));
}

#[test]
fn the_cache_is_for_its_owner_alone() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    drop(folder.start());
    let directory = folder.state().join("code");
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&directory), 0o700);
    for file in files_below(&directory) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn altered_code_is_not_loaded_but_compiled_again() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    drop(folder.start());
    let file = code_file(&folder);
    let good = std::fs::read(&file).unwrap();
    let mut forgeries: Vec<Vec<u8>> = Vec::new();
    for position in (0..64).chain((64..good.len()).step_by(good.len() / 16)) {
        let mut forged = good.clone();
        forged[position] ^= 1 << (position % 8);
        forgeries.push(forged);
    }
    forgeries.extend([good[..good.len() - 1].to_vec(), good[..31].to_vec(), Vec::new(), good[32..].to_vec()]);
    forgeries.push([good.clone(), vec![0]].concat());
    for forged in forgeries {
        std::fs::write(&file, &forged).unwrap();
        let loader = folder.start_with(no_compiler);
        assert_eq!(answer(&loader, "one"), None, "a forgery of {} bytes was loaded", forged.len());
        drop(loader);
        assert_eq!(std::fs::read(&file).unwrap(), forged);
    }
    let loader = folder.start();
    assert_eq!(answer(&loader, "one"), Some(1));
    drop(loader);
    let loader = folder.start_with(no_compiler);
    assert_eq!(answer(&loader, "one"), Some(1), "the entry was made anew");
}

#[test]
fn code_of_another_component_or_another_key_is_not_loaded() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    drop(folder.start());
    let one = code_file(&folder);
    let good = std::fs::read(&one).unwrap();
    std::fs::remove_file(&one).unwrap();
    folder.put("one.wasm", component(2));
    drop(folder.start());
    let two = code_file(&folder);
    let of_two = std::fs::read(&two).unwrap();
    // Code that is valid, under the name of another component.
    std::fs::write(&two, &good).unwrap();
    assert_eq!(answer(&folder.start_with(no_compiler), "one"), None);
    // Valid code and name, and a key that this host did not tag it with.
    std::fs::write(&two, &of_two).unwrap();
    let key = folder.state().join("code/key");
    std::fs::write(&key, [7; 32]).unwrap();
    assert_eq!(answer(&folder.start_with(no_compiler), "one"), None);
    // A damaged key is replaced, and serving goes on.
    std::fs::write(&key, [7; 5]).unwrap();
    assert_eq!(answer(&folder.start(), "one"), Some(2));
    assert_eq!(std::fs::read(&key).unwrap().len(), 32);
}

#[test]
fn code_that_others_could_have_written_is_not_loaded() {
    let folder = TestFolder::new();
    folder.put("one.wasm", component(1));
    drop(folder.start());
    let file = code_file(&folder);
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o620)).unwrap();
    assert_eq!(answer(&folder.start_with(no_compiler), "one"), None);
    // A link to good code is not that code.
    let moved = folder.state().join("moved");
    std::fs::rename(&file, &moved).unwrap();
    std::fs::set_permissions(&moved, PermissionsExt::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink(&moved, &file).unwrap();
    assert_eq!(answer(&folder.start_with(no_compiler), "one"), None);
    std::fs::rename(&moved, &file).unwrap();
    assert_eq!(answer(&folder.start_with(no_compiler), "one"), Some(1));
}
