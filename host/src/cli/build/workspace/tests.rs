use super::*;

fn package(name: &str, folder: &str, kind: &str) -> Package {
    Package {
        name: name.to_owned(),
        id: format!("path+file://{folder}#0.1.0"),
        manifest_path: Path::new(folder).join("Cargo.toml"),
        targets: vec![Target { kind: vec![kind.to_owned()] }],
    }
}

fn workspace(plugins: &[(&str, &str)]) -> Workspace {
    Workspace {
        root: "/w".into(),
        target_directory: "/w/target".into(),
        plugins: plugins
            .iter()
            .map(|(name, folder)| Plugin {
                directory: folder.into(),
                name: (*name).to_owned(),
                package_id: (*folder).to_owned(),
            })
            .collect(),
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

#[test]
fn two_plugins_of_one_name_are_refused_before_anything_is_built() {
    refuse_same_names(&[workspace(&[("todo", "a"), ("users", "b")]), workspace(&[("bank", "c")])]).unwrap();
    let refusal = refuse_same_names(&[workspace(&[("todo", "a")]), workspace(&[("todo", "b")])])
        .unwrap_err()
        .to_string();
    assert!(refusal.starts_with("a and b would both become todo.wasm"), "{refusal}");
}
