use super::*;

fn package(name: &str, folder: &str, kind: &str) -> Package {
    Package {
        name: name.to_owned(),
        id: format!("path+file://{folder}#0.1.0"),
        manifest_path: Path::new(folder).join("Cargo.toml"),
        targets: vec![Target { kind: vec![kind.to_owned()] }],
    }
}

#[test]
fn the_package_of_the_folder_is_picked_among_those_of_its_workspace() {
    let packages = vec![package("users", "/w/users", "cdylib"), package("spec-rest", "/w/rest", "cdylib")];
    let plugin = pick(packages, Path::new("/w/rest/Cargo.toml"), Path::new("rest")).unwrap();
    assert_eq!(plugin.name, "spec-rest", "a hyphen stays a hyphen");
    assert_eq!(plugin.directory, Path::new("rest"));
    assert_eq!(plugin.package_id, "path+file:///w/rest#0.1.0");
}

#[test]
fn a_workspace_without_a_package_is_refused_with_what_to_give_instead() {
    let packages = vec![package("users", "/w/users", "cdylib")];
    let refusal = pick(packages, Path::new("/w/Cargo.toml"), Path::new("/w")).unwrap_err().to_string();
    assert!(refusal.contains("give the folders of its members"), "{refusal}");
}

#[test]
fn a_package_that_makes_no_cdylib_is_refused_with_the_lines_to_add() {
    let packages = vec![package("users", "/w/users", "lib")];
    let refusal =
        pick(packages, Path::new("/w/users/Cargo.toml"), Path::new("users")).unwrap_err().to_string();
    assert!(refusal.contains("`users`"), "{refusal}");
    assert!(refusal.contains("crate-type = [\"cdylib\"]"), "{refusal}");
}
