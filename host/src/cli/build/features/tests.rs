use super::*;

fn plugin(name: &str) -> Plugin {
    Plugin { directory: name.into(), name: name.to_owned(), package_id: name.to_owned() }
}

/// The names of the groups that plugins with these dependencies fall into.
fn check(plugins: &[(&str, &str)]) -> Vec<String> {
    let plugins = plugins.iter().map(|(name, tree)| (plugin(name), parse(tree))).collect();
    group(plugins)
        .into_iter()
        .map(|members| members.into_iter().map(|member| member.name).collect::<Vec<_>>().join(" "))
        .collect()
}

#[test]
fn a_tree_is_read_whether_or_not_a_package_has_features_or_was_mentioned_before() {
    let features =
        parse("todo v0.1.0 (/w/todo)|\nsdk v0.1.0 (/w/sdk)|arena,default\nserde v1.0.0|std (*)\n\n");
    let expected =
        [("sdk v0.1.0 (/w/sdk)", "arena,default"), ("serde v1.0.0", "std"), ("todo v0.1.0 (/w/todo)", "")];
    assert_eq!(
        features,
        expected.map(|(package, features)| (package.to_owned(), features.to_owned())).into()
    );
}

#[test]
fn plugins_that_want_the_same_share_one_call_and_so_do_strangers() {
    assert_eq!(
        check(&[("a", "sdk v1|arena"), ("b", "sdk v1|arena\nserde v1|std"), ("c", "other v1|")]),
        ["a b c"]
    );
}

#[test]
fn a_plugin_that_wants_other_features_of_a_shared_package_is_compiled_apart() {
    assert_eq!(
        check(&[("a", "sdk v1|arena"), ("long", "sdk v1|"), ("b", "sdk v1|arena"), ("lived", "sdk v1|")]),
        ["a b", "long lived"]
    );
}

#[test]
fn a_package_that_only_a_neighbour_brought_counts_too() {
    assert_eq!(check(&[("a", "x v1|"), ("b", "x v1|\ny v1|std"), ("c", "y v1|")]), ["a b", "c"]);
}

#[test]
fn two_versions_of_a_package_do_not_meet() {
    assert_eq!(check(&[("a", "x v1|std"), ("b", "x v2|")]), ["a b"]);
}
